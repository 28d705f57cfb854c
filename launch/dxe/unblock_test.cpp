// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/dxe/unblock.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "abi/pi/communicate.hpp"
#include "abi/pi/variable_messages.hpp"

namespace redoubt::launch::dxe {
namespace {

namespace status = abi::status;
namespace messages = abi::variable_messages;

constexpr std::size_t stride = 48;  // what firmware uses: more than the structure has

struct Row {
  abi::MemoryType type;
  std::uint64_t start;
  std::uint64_t pages;
  std::uint64_t attribute = 0;
};

std::vector<std::byte> map_of(std::initializer_list<Row> rows) {
  std::vector<std::byte> map;
  for (const Row& row : rows) {
    abi::MemoryDescriptor descriptor{};
    descriptor.type = row.type;
    descriptor.physical_start = row.start;
    descriptor.number_of_pages = row.pages;
    descriptor.attribute = row.attribute;
    map.resize(map.size() + stride, std::byte{0xEE});
    std::memcpy(map.data() + map.size() - stride, &descriptor, sizeof(descriptor));
  }
  return map;
}

TEST(MemoryMap, TypesThatStayTheFirmwares) {
  for (std::uint32_t type = 0; type < 20; ++type) {
    const auto map = map_of({{static_cast<abi::MemoryType>(type), 0x10000, 4}});
    const bool allowed = type == abi::reserved_memory_type || type == abi::runtime_services_code ||
                         type == abi::runtime_services_data || type == abi::acpi_memory_nvs;
    EXPECT_EQ(check_memory_map(map, stride, {0x10000, 4}), allowed ? status::success : status::access_denied) << type;
  }
  EXPECT_EQ(check_memory_map(map_of({{abi::runtime_services_code, 0x10000, 4, 0x20000}}), stride, {0x10000, 1}),
            status::access_denied);
}

TEST(MemoryMap, AllOfTheRangeCounts) {
  const auto map = map_of({{abi::conventional_memory, 0x20000, 16},
                           {abi::acpi_memory_nvs, 0x14000, 2},
                           {abi::runtime_services_data, 0x10000, 4}});
  EXPECT_EQ(check_memory_map(map, stride, {0x10000, 6}), status::success);
  EXPECT_EQ(check_memory_map(map, stride, {0x15000, 1}), status::success);
  EXPECT_EQ(check_memory_map(map, stride, {0x10000, 7}), status::no_mapping);
  EXPECT_EQ(check_memory_map(map, stride, {0xF000, 1}), status::no_mapping);
  EXPECT_EQ(check_memory_map(map, stride, {0xF000, 2}), status::no_mapping);
  EXPECT_EQ(check_memory_map(map, stride, {0x20000, 1}), status::access_denied);
  EXPECT_EQ(check_memory_map({}, stride, {0x10000, 1}), status::no_mapping);
}

TEST(MemoryMap, NonsenseIsRefused) {
  const auto map = map_of({{abi::runtime_services_data, 0x10000, ~std::uint64_t{0}}});
  constexpr std::uint64_t all = ~std::uint64_t{0};
  EXPECT_EQ(check_memory_map(map, stride, {0x10001, 1}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map(map, stride, {0x10000, 0}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map(map, stride, {0x10000, all}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map(map, stride, {0x10000, all / 4096}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map(map, stride, {all & ~0xFFFULL, 1}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map(map, 8, {0x10000, 1}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map(map, stride, {0x10000, 1}), status::success);
}

struct Message {
  abi::CommunicateHeader header{messages::variable_message_guid, 64};
  messages::VariableMessageHeader variable{12, 0};
  messages::RuntimeCacheContext context{};
};

std::vector<PageRange> ranges_in(const Message& message, std::size_t size = sizeof(Message)) {
  std::array<PageRange, 6> ranges{};
  const std::size_t count = runtime_cache_ranges(&message, size, ranges);
  return {ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(RuntimeCacheRanges, AreThePagesThatTheMessageNames) {
  alignas(4096) static std::array<std::byte, 3 * 4096> store{};
  const std::uint32_t store_size = 2 * 4096;
  std::memcpy(store.data() + 0x800 + 16, &store_size, sizeof(store_size));
  const auto base = reinterpret_cast<std::uint64_t>(store.data());
  Message message;
  message.context.read_lock = 0x1FFF;
  message.context.pending_update = 0x3000;
  message.context.hob_flush_complete = 0x4001;
  message.context.volatile_cache = base + 0x800;
  EXPECT_EQ(ranges_in(message), (std::vector<PageRange>{{0x3000, 1}, {0x1000, 1}, {0x4000, 1}, {base, 3}}));
  message.context.volatile_cache = 0;
  EXPECT_EQ(ranges_in(message).size(), 3U);
  EXPECT_TRUE(ranges_in(message, sizeof(Message) - 1).empty());
  for (const std::uint64_t function : {0ULL, 3ULL, 11ULL, 13ULL, 14ULL}) {
    Message other = message;
    other.variable.function = function;
    EXPECT_TRUE(ranges_in(other).empty()) << function;
  }
  message.header.header_guid.data1 ^= 1;
  EXPECT_TRUE(ranges_in(message).empty());
  std::array<PageRange, 6> ranges{};
  EXPECT_EQ(runtime_cache_ranges(nullptr, 100, ranges), 0U);
}

}  // namespace
}  // namespace redoubt::launch::dxe
