// SPDX-License-Identifier: BSD-2-Clause-Patent
// The IPL's decisions without its hardware.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "abi/redoubt/observation.hpp"
#include "launch/pei/bootstrap_tables.hpp"
#include "launch/pei/communicate_repack.hpp"
#include "launch/pei/hob_list.hpp"
#include "launch/pei/launch_options.hpp"
#include "launch/pei/mailbox.hpp"
#include "launch/pei/mmram_layout.hpp"
#include "launch/pei/mmram_regions.hpp"
#include "launch/pei/system_memory.hpp"

namespace redoubt::launch {
namespace {

constexpr LayoutRequest usual = {.mmram_base = 0x7F001000,
                                 .mmram_size = 0xFFF000,
                                 .cpu_count = 4,
                                 .supervisor_size = 0x12345,
                                 .volume_size = 0x80000,
                                 .hob_size = 0x1238};

class MailboxTest : public ::testing::Test {
 protected:
  // MM answers in the moment that `answer` says, or not at all.
  enum class When : std::uint8_t { at_once, after_the_wait, never };
  Result<MessageChannel::Answer> exchange(When when) {
    const auto answer = [this] {
      status_.return_status = 7;
      status_.return_buffer_size = 16;
      status_.is_comm_buffer_valid = 0;
    };
    return exchange_by(
        status_, buffer_,
        [&] {
          if (when == When::at_once) answer();
        },
        [&](auto condition) {
          const bool met = condition();
          if (when == When::after_the_wait) answer();
          return met;
        });
  }

  volatile abi::CommBufferStatus status_{};
  std::array<std::byte, 64> buffer_{};
};

TEST_F(MailboxTest, AnAnswerComesBackWithItsLength) {
  for (const When when : {When::at_once, When::after_the_wait}) {
    const auto answer = exchange(when);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 7U);
    EXPECT_EQ(answer->bytes.size(), 16U);
  }
}

TEST_F(MailboxTest, AMessageThatMmDoesNotTakeIsTakenBack) {
  ASSERT_FALSE(exchange(When::never));
  EXPECT_EQ(status_.is_comm_buffer_valid, 0) << "the next one would be refused for ever";
  EXPECT_TRUE(exchange(When::at_once));
}

TEST_F(MailboxTest, ALengthThatCannotBeIsAnError) {
  status_.return_buffer_size = sizeof(buffer_) + 1;
  EXPECT_FALSE(exchange_by(
      status_, buffer_, [this] { status_.is_comm_buffer_valid = 0; }, [](auto condition) { return condition(); }));
}

TEST(MmramLayout, FollowsTheContract) {
  const auto layout = lay_out(usual);
  ASSERT_TRUE(layout);
  // Entry code of CPU i fills page 2i, its save state ends page 2i + 7.
  EXPECT_EQ(layout->smbase(0) + abi::smm_entry_offset, usual.mmram_base);
  EXPECT_EQ(layout->smbase(3) + abi::smm_entry_offset, usual.mmram_base + 6 * page_bytes);
  EXPECT_EQ(layout->smbase(3) + abi::smm_save_state_offset + 0x200, usual.mmram_base + 14 * page_bytes);
  EXPECT_EQ(layout->record, usual.mmram_base + 14 * page_bytes);
  EXPECT_EQ(layout->cpus, layout->record + sizeof(abi::LaunchRecord));
  EXPECT_EQ(layout->supervisor, layout->record + page_bytes);
  EXPECT_EQ(layout->supervisor_size, 0x13000U);
  EXPECT_EQ(layout->volume, layout->supervisor + 0x13000);
  EXPECT_EQ(layout->hobs, layout->volume + 0x80000);
  EXPECT_EQ(layout->bootstrap, layout->hobs + 0x2000);
  EXPECT_EQ(layout->bootstrap_size, 14 * page_bytes);
  EXPECT_EQ(layout->stack_top, layout->used_end);
  EXPECT_EQ(layout->used_end, layout->bootstrap + 14 * page_bytes);
}

TEST(MmramLayout, ManyCpusTakeMorePagesForTheirList) {
  LayoutRequest request = usual;
  request.cpu_count = 288;
  const auto layout = lay_out(request);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->supervisor - layout->record, 2 * page_bytes);
}

TEST(MmramLayout, RefusesWhatDoesNotFit) {
  LayoutRequest request = usual;
  const auto used = lay_out(usual)->used_end - usual.mmram_base;
  request.mmram_size = used + abi::kept_bytes;
  EXPECT_TRUE(lay_out(request));
  for (const std::uint64_t size : {used, std::uint64_t{0}}) {
    request.mmram_size = size;
    EXPECT_EQ(lay_out(request).error(), Error::out_of_memory) << "what the last boot left is in the way";
  }
  request = usual;
  request.supervisor_size = ~std::uint64_t{0};
  EXPECT_EQ(lay_out(request).error(), Error::out_of_memory);
  request = usual;
  request.volume_size = ~std::uint64_t{0} - 0xFFFF;
  EXPECT_EQ(lay_out(request).error(), Error::out_of_memory);
  request = usual;
  request.cpu_count = ~std::uint32_t{0};
  EXPECT_EQ(lay_out(request).error(), Error::out_of_memory);
}

TEST(MmramLayout, RefusesMmramItCannotUse) {
  for (const auto& [base, size] :
       std::initializer_list<std::pair<std::uint64_t, std::uint64_t>>{{0x7F001800, 0xFFF000},
                                                                      {0x7F001000, 0xFFF800},
                                                                      {0x7000, 0xFFF000},
                                                                      {0xFFFFF000, 0x2000},
                                                                      {~std::uint64_t{0xFFF}, 0x2000}}) {
    LayoutRequest request = usual;
    request.mmram_base = base;
    request.mmram_size = size;
    EXPECT_EQ(lay_out(request).error(), Error::invalid_argument) << std::hex << base;
  }
  LayoutRequest request = usual;
  request.cpu_count = 0;
  EXPECT_EQ(lay_out(request).error(), Error::invalid_argument);
  request = usual;
  request.supervisor_size = 0;
  EXPECT_EQ(lay_out(request).error(), Error::invalid_argument);
}

using namespace abi::mmram_state;

// As q35's stock PPI reports them.
constexpr std::array<abi::MmramDescriptor, 2> q35_regions = {{
    {0x7F000000, 0x7F000000, 0x1000, closed | cacheable | allocated},
    {0x7F001000, 0x7F001000, 0xFFF000, closed | cacheable},
}};

TEST(MmramRegions, ChoosesTheLargestFreeOne) {
  EXPECT_EQ(choose_region(q35_regions), 1U);
  std::array<abi::MmramDescriptor, 3> regions = {{{0x1000, 0x1000, 0x1000, closed},
                                                  {0x4000, 0x4000, 0x3000, closed},
                                                  {0x8000, 0x8000, 0x9000, closed | allocated}}};
  EXPECT_EQ(choose_region(regions), 1U);
  regions[0].region_state |= allocated;
  regions[1].region_state |= allocated;
  EXPECT_EQ(choose_region(regions).error(), Error::not_found);
  EXPECT_EQ(choose_region({}).error(), Error::not_found);
}

TEST(MmramRegions, RefusesNonsense) {
  for (const abi::MmramDescriptor& bad :
       {abi::MmramDescriptor{0x7F000800, 0x7F000800, 0x1000, closed},
        abi::MmramDescriptor{0x7E000000, 0x7E000000, 0x1800, closed},
        abi::MmramDescriptor{0x7E000000, 0x7D000000, 0x1000, closed},
        abi::MmramDescriptor{0x7E000000, 0x7E000000, 0, closed},
        abi::MmramDescriptor{0x7F000000, 0x7F000000, 0x2000, closed},
        abi::MmramDescriptor{~std::uint64_t{0xFFF}, ~std::uint64_t{0xFFF}, 0x1000, closed}}) {
    const std::array<abi::MmramDescriptor, 2> regions = {q35_regions[1], bad};
    EXPECT_EQ(choose_region(regions).error(), Error::malformed) << std::hex << bad.physical_start;
  }
}

TEST(MmramRegions, DescribesUsedAndFree) {
  std::array<abi::MmramDescriptor, 3> out{};
  ASSERT_TRUE(describe_regions(q35_regions, 1, 0x100000, out));
  EXPECT_EQ(out[0].region_state, closed | locked | cacheable | allocated);
  EXPECT_EQ(out[1].physical_start, 0x7F001000U);
  EXPECT_EQ(out[1].physical_size, 0x100000U);
  EXPECT_EQ(out[1].region_state, closed | locked | cacheable | allocated);
  EXPECT_EQ(out[2].physical_start, 0x7F101000U);
  EXPECT_EQ(out[2].cpu_start, 0x7F101000U);
  EXPECT_EQ(out[2].physical_size, 0xEFF000U);
  EXPECT_EQ(out[2].region_state, closed | locked | cacheable);
  EXPECT_FALSE(describe_regions(q35_regions, 1, 0xFFF000, out));
  EXPECT_FALSE(describe_regions(q35_regions, 1, 0, out));
  EXPECT_FALSE(describe_regions(q35_regions, 2, 0x1000, out));
  EXPECT_FALSE(describe_regions(q35_regions, 1, 0x1000, std::span(out).first(2)));
}

std::vector<std::byte> hob_list(std::initializer_list<abi::HobHeader> more) {
  std::vector<std::byte> list(sizeof(abi::HobHandoff));
  abi::HobHandoff handoff{};
  handoff.header = {abi::HobType::handoff, sizeof(abi::HobHandoff), 0};
  std::memcpy(list.data(), &handoff, sizeof(handoff));
  for (const abi::HobHeader& header : more) {
    const std::size_t at = list.size();
    list.resize(at + std::max<std::size_t>(header.length, sizeof(header)));
    std::memcpy(list.data() + at, &header, sizeof(header));
  }
  return list;
}

TEST(HobList, EndsAfterItsEndHob) {
  auto list = hob_list({{abi::HobType::guid_extension, 48, 0}, {abi::HobType::end_of_list, 8, 0}});
  const std::size_t size = list.size();
  list.resize(size + 100);
  EXPECT_EQ(measure_hob_list(list), size);
}

TEST(HobList, RefusesDamage) {
  EXPECT_EQ(measure_hob_list({}).error(), Error::truncated);
  EXPECT_EQ(measure_hob_list(hob_list({})).error(), Error::truncated);
  EXPECT_EQ(measure_hob_list(hob_list({{abi::HobType::cpu, 0, 0}})).error(), Error::malformed);
  EXPECT_EQ(measure_hob_list(hob_list({{abi::HobType::cpu, 12, 0}})).error(), Error::malformed);
  auto list = hob_list({{abi::HobType::end_of_list, 8, 0}});
  list[0] = std::byte{2};
  EXPECT_EQ(measure_hob_list(list).error(), Error::malformed);
  auto cut = hob_list({{abi::HobType::guid_extension, 64, 0}});
  cut.resize(cut.size() - 8);
  EXPECT_EQ(measure_hob_list(cut).error(), Error::truncated);
}

TEST(BootstrapTables, MapFourGibibytesToThemselves) {
  std::vector<std::uint64_t> tables(bootstrap_table_entries, 0xAA);
  build_bootstrap_tables(std::span<std::uint64_t, bootstrap_table_entries>(tables), 0x7F100000);
  for (const std::uint64_t address : {0x0ULL, 0x200000ULL, 0x7F001000ULL, 0xFFE00000ULL}) {
    ASSERT_EQ(tables[address >> 39], 0x7F101003U);
    const std::uint64_t directory = tables[512 + (address >> 30)];
    ASSERT_EQ(directory, 0x7F102003U + (address >> 30) * 0x1000);
    const std::size_t entry = ((directory & ~0xFFFULL) - 0x7F100000) / 8 + ((address >> 21) & 511);
    EXPECT_EQ(tables[entry], (address & ~0x1FFFFFULL) | 0x83);
  }
  EXPECT_EQ(tables[1], 0U);
  EXPECT_EQ(tables[512 + 4], 0U);
}

std::vector<std::byte> message32(std::uint32_t declared, std::size_t data_size) {
  std::vector<std::byte> message(sizeof(CommunicateHeader32) + data_size, std::byte{0x5A});
  const CommunicateHeader32 header{.header_guid = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}}, .message_length = declared};
  std::memcpy(message.data(), &header, sizeof(header));
  return message;
}

TEST(Communicate, RepacksThereAndBack) {
  const auto message = message32(10, 10);
  std::vector<std::byte> mailbox(64);
  const auto packed = pack_for_mm(message, mailbox);
  ASSERT_EQ(packed, 34U);
  EXPECT_EQ(read_at<abi::CommunicateHeader>(mailbox, 0)->message_length, 10U);
  EXPECT_EQ(mailbox[24], std::byte{0x5A});
  auto back = message32(10, 10);
  std::fill(back.begin() + 20, back.end(), std::byte{0});
  std::size_t needed = 0;
  EXPECT_EQ(unpack_from_mm(mailbox, *packed, back, needed), 30U);
  EXPECT_EQ(back, message);
}

TEST(Communicate, ChecksRequests) {
  std::vector<std::byte> mailbox(64);
  EXPECT_EQ(pack_for_mm(message32(11, 10), mailbox).error(), Error::invalid_argument);
  EXPECT_EQ(pack_for_mm(message32(0xFFFFFFFF, 10), mailbox).error(), Error::invalid_argument);
  EXPECT_EQ(pack_for_mm(Bytes(mailbox).first(19), mailbox).error(), Error::invalid_argument);
  EXPECT_EQ(pack_for_mm(message32(41, 41), mailbox).error(), Error::out_of_memory);
  EXPECT_EQ(pack_for_mm(message32(40, 41), mailbox), 64U);
  EXPECT_EQ(pack_for_mm(message32(0, 0), mailbox), 24U);
}

TEST(Communicate, ChecksAnswers) {
  std::vector<std::byte> mailbox(64);
  std::vector<std::byte> caller(30);
  std::size_t needed = 0;
  ASSERT_TRUE(pack_for_mm(message32(20, 20), mailbox));
  EXPECT_EQ(unpack_from_mm(mailbox, 44, caller, needed).error(), Error::out_of_memory);
  EXPECT_EQ(needed, 40U);
  EXPECT_EQ(unpack_from_mm(mailbox, 24, caller, needed), 20U);
  EXPECT_EQ(unpack_from_mm(mailbox, 34, caller, needed), 30U);
  EXPECT_EQ(unpack_from_mm(mailbox, 23, caller, needed).error(), Error::malformed);
  EXPECT_EQ(unpack_from_mm(mailbox, 65, caller, needed).error(), Error::malformed);
  EXPECT_EQ(unpack_from_mm(mailbox, ~std::uint64_t{0}, caller, needed).error(), Error::malformed);
}

TEST(Communicate, NarrowsStatus) {
  EXPECT_EQ(status_from_mm(0), 0U);
  EXPECT_EQ(status_from_mm(0x8000'0000'0000'000EULL), 0x8000'000EU);
  EXPECT_EQ(status_from_mm(0xA000'0000'0000'0000ULL), 0xA000'0000U);
  EXPECT_EQ(status_from_mm(0x2000'0000'0000'0001ULL), 0x2000'0001U);
}

// ---- System memory ----

std::vector<std::byte> hobs_with(std::initializer_list<abi::HobResourceDescriptor> resources) {
  auto list = hob_list({});
  for (abi::HobResourceDescriptor resource : resources) {
    resource.header = {abi::HobType::resource_descriptor, sizeof(resource), 0};
    const auto bytes = std::as_bytes(std::span(&resource, 1));
    list.insert(list.end(), bytes.begin(), bytes.end());
  }
  const abi::HobHeader end{abi::HobType::end_of_list, sizeof(abi::HobHeader), 0};
  const auto bytes = std::as_bytes(std::span(&end, 1));
  list.insert(list.end(), bytes.begin(), bytes.end());
  return list;
}

abi::HobResourceDescriptor ram(std::uint64_t start, std::uint64_t length) {
  return {.header = {}, .owner = {}, .resource_type = 0, .attributes = 7, .start = start, .length = length};
}

abi::HobResourceDescriptor device(std::uint64_t start, std::uint64_t length) {
  abi::HobResourceDescriptor resource = ram(start, length);
  resource.resource_type = 1;  // EFI_RESOURCE_MEMORY_MAPPED_IO
  return resource;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> memory_in(const std::vector<std::byte>& hobs, std::size_t room,
                                                               std::span<const abi::MmramDescriptor> mmram = {}) {
  std::vector<abi::LaunchMemory> ranges(room, {~std::uint64_t{0}, 0});
  const std::uint32_t count = collect_system_memory(hobs, mmram, ranges);
  EXPECT_LE(count, room);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
  for (std::uint32_t i = 0; i < count; ++i) found.emplace_back(ranges[i].base, ranges[i].size);
  return found;
}

using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

TEST(SystemMemory, IsSortedAndJoined) {
  const auto hobs = hobs_with({ram(0x1'0000'0000, 0x4000'0000), device(0xFEC0'0000, 0x1000), ram(0x10'0000, 0x70'0000),
                               ram(0x80'0000, 0x10'0000), ram(0, 0xA'0000), ram(0x88'0000, 0x20'0000)});
  EXPECT_EQ(memory_in(hobs, 16), (Ranges{{0, 0xA'0000}, {0x10'0000, 0x98'0000}, {0x1'0000'0000, 0x4000'0000}}));
  EXPECT_EQ(memory_in(hobs, 2), (Ranges{{0, 0xA'0000}, {0x10'0000, 0x98'0000}}));
  EXPECT_EQ(memory_in(hobs, 0), Ranges{});
}

TEST(SystemMemory, IsNothingElseAsWell) {
  abi::HobResourceDescriptor reserved = ram(0x30'0000, 0x10'0000);
  reserved.resource_type = 5;  // EFI_RESOURCE_MEMORY_RESERVED
  abi::HobResourceDescriptor ports = ram(0x10'0000, 0x8000);
  ports.resource_type = 2;  // EFI_RESOURCE_IO
  const auto hobs = hobs_with({ram(0x10'0000, 0xF0'0000), reserved, device(0x4F'F800, 0x1000), ports});
  abi::MmramDescriptor mmram[2] = {};
  mmram[0].physical_start = 0x80'0000;
  mmram[0].physical_size = 0x1000;
  mmram[1].physical_start = 0x80'1000;
  mmram[1].physical_size = 0x7F'F000;
  EXPECT_EQ(memory_in(hobs, 16, mmram),
            (Ranges{{0x10'0000, 0x20'0000}, {0x40'0000, 0xF'F000}, {0x50'1000, 0x2F'F000}}));
}

TEST(SystemMemory, IsWholePages) {
  EXPECT_EQ(memory_in(hobs_with({ram(0x1800, 0x3000), ram(0x9001, 0x1000), ram(0xF000, 0)}), 16),
            (Ranges{{0x2000, 0x2000}}));
}

TEST(SystemMemory, ThatWrapsIsNone) {
  constexpr std::uint64_t top = ~std::uint64_t{0};
  EXPECT_EQ(memory_in(hobs_with({ram(top - 0xFFF, 0x2000), ram(top, 0), ram(0x1000, top), device(0, top)}), 16),
            Ranges{});
  // A list without an end ends where its bytes do, and a descriptor that is too short is none.
  auto cut = hob_list({{abi::HobType::resource_descriptor, 8, 0}});
  EXPECT_EQ(memory_in(cut, 16), Ranges{});
}

// ---- Launch options ----

TEST(LaunchOptions, AreWords) {
  namespace option = abi::launch_option;
  EXPECT_EQ(parse_launch_options(""), 0U);
  EXPECT_EQ(parse_launch_options("  "), 0U);
  EXPECT_EQ(parse_launch_options("trace"), option::trace);
  EXPECT_EQ(parse_launch_options(" trace  observe=always "), option::trace | option::observe_always);
  EXPECT_EQ(parse_launch_options("repair-variables"), option::repair_variables);
  EXPECT_EQ(parse_launch_options("log=error"), 1U << option::log_level_shift);
  EXPECT_EQ(parse_launch_options("log=error log=debug trace"), 4U << option::log_level_shift | option::trace);
  for (const char* wrong : {"Trace", "tracer", "log", "log=", "log=loud", "observe", "trace,log=info", "trace\n"}) {
    EXPECT_FALSE(parse_launch_options(wrong).has_value()) << wrong;
  }
  EXPECT_FALSE(parse_launch_options(std::string_view("trace\0", 6)).has_value());
}

}  // namespace
}  // namespace redoubt::launch
