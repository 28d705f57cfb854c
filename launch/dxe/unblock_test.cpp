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
    EXPECT_EQ(check_memory_map({map, stride}, {0x10000, 4}), allowed ? status::success : status::access_denied) << type;
  }
  EXPECT_EQ(check_memory_map({map_of({{abi::runtime_services_code, 0x10000, 4, 0x20000}}), stride}, {0x10000, 1}),
            status::access_denied);
}

TEST(MemoryMap, AllOfTheRangeCounts) {
  const auto map = map_of({{abi::conventional_memory, 0x20000, 16},
                           {abi::acpi_memory_nvs, 0x14000, 2},
                           {abi::runtime_services_data, 0x10000, 4}});
  EXPECT_EQ(check_memory_map({map, stride}, {0x10000, 6}), status::success);
  EXPECT_EQ(check_memory_map({map, stride}, {0x15000, 1}), status::success);
  EXPECT_EQ(check_memory_map({map, stride}, {0x10000, 7}), status::no_mapping);
  EXPECT_EQ(check_memory_map({map, stride}, {0xF000, 1}), status::no_mapping);
  EXPECT_EQ(check_memory_map({map, stride}, {0xF000, 2}), status::no_mapping);
  EXPECT_EQ(check_memory_map({map, stride}, {0x20000, 1}), status::access_denied);
  EXPECT_EQ(check_memory_map({{}, stride}, {0x10000, 1}), status::no_mapping);
}

TEST(MemoryMap, NonsenseIsRefused) {
  const auto map = map_of({{abi::runtime_services_data, 0x10000, ~std::uint64_t{0}}});
  constexpr std::uint64_t all = ~std::uint64_t{0};
  EXPECT_EQ(check_memory_map({map, stride}, {0x10001, 1}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map({map, stride}, {0x10000, 0}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map({map, stride}, {0x10000, all}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map({map, stride}, {0x10000, all / 4096}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map({map, stride}, {all & ~0xFFFULL, 1}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map({map, 8}, {0x10000, 1}), status::invalid_parameter);
  EXPECT_EQ(check_memory_map({map, stride}, {0x10000, 1}), status::success);
}

struct Message {
  abi::CommunicateHeader header{abi::smm_variable_guid, 64};
  messages::VariableMessageHeader variable{12, 0};
  messages::RuntimeCacheContext context{};
};

struct MessageV3 {
  abi::CommunicateHeaderV3 header{};
  messages::VariableMessageHeader variable{12, 0};
  messages::RuntimeCacheContext context{};
};

TEST(RuntimeCacheMessage, IsOneOfTheVariableDriversWithAnyHeader) {
  Message message;
  message.context.read_lock = 77;
  ASSERT_TRUE(runtime_cache_message(&message, sizeof(message)).has_value());
  EXPECT_EQ(runtime_cache_message(&message, sizeof(message))->read_lock, 77U);
  for (std::size_t size = 0; size < sizeof(message); ++size) {
    EXPECT_FALSE(runtime_cache_message(&message, size).has_value()) << size;
  }
  for (const std::uint64_t function : {0ULL, 3ULL, 11ULL, 13ULL, 14ULL}) {
    Message other = message;
    other.variable.function = function;
    EXPECT_FALSE(runtime_cache_message(&other, sizeof(other)).has_value()) << function;
  }
  message.header.header_guid.data1 ^= 1;
  EXPECT_FALSE(runtime_cache_message(&message, sizeof(message)).has_value());
  EXPECT_FALSE(runtime_cache_message(nullptr, 100).has_value());

  MessageV3 version_3;
  version_3.header.header_guid = abi::communicate_header_v3_guid;
  version_3.header.message_guid = abi::smm_variable_guid;
  version_3.context.read_lock = 78;
  ASSERT_TRUE(runtime_cache_message(&version_3, sizeof(version_3)).has_value());
  EXPECT_EQ(runtime_cache_message(&version_3, sizeof(version_3))->read_lock, 78U);
  for (std::size_t size = 0; size < sizeof(version_3); ++size) {
    EXPECT_FALSE(runtime_cache_message(&version_3, size).has_value()) << size;
  }
  version_3.header.message_guid.data1 ^= 1;
  EXPECT_FALSE(runtime_cache_message(&version_3, sizeof(version_3)).has_value());
}

TEST(RuntimeCacheMessage, WithoutACacheIsTheEnd) {
  Message message;
  EXPECT_FALSE(is_left_without_cache(&message, sizeof(message), true));
  EXPECT_FALSE(is_left_without_cache(&message, sizeof(message), false));
  EXPECT_TRUE(asks_for_cache(&message, sizeof(message)));
  EXPECT_TRUE(sets_up_cache(&message, sizeof(message)));
  message.variable.return_status = abi::status::device_error;
  EXPECT_TRUE(is_left_without_cache(&message, sizeof(message), true));
  for (const std::uint64_t refusal :
       {abi::status::access_denied, abi::status::invalid_parameter, abi::status::unsupported}) {
    Message refused = message;
    refused.variable.return_status = refusal;
    EXPECT_FALSE(is_left_without_cache(&refused, sizeof(refused), true)) << "the cache is still there";
    EXPECT_TRUE(is_left_without_cache(&refused, sizeof(refused), false)) << "there never was one";
    EXPECT_FALSE(sets_up_cache(&refused, sizeof(refused)));
  }
  for (const std::uint64_t function : {14ULL, 13ULL}) {
    message.variable.function = function;
    EXPECT_FALSE(sets_up_cache(&message, sizeof(message)));
    EXPECT_TRUE(is_left_without_cache(&message, sizeof(message), true)) << function;
  }
  EXPECT_FALSE(is_left_without_cache(&message, sizeof(message.header) + sizeof(message.variable) - 1, true));
  for (const std::uint64_t function : {0ULL, 1ULL, 3ULL, 11ULL, 15ULL}) {
    message.variable.function = function;
    EXPECT_FALSE(is_left_without_cache(&message, sizeof(message), true)) << function;
  }
  message.variable.function = 12;
  message.header.header_guid.data1 ^= 1;
  EXPECT_FALSE(is_left_without_cache(&message, sizeof(message), true));
}

std::vector<PageRange> ranges_of(const messages::RuntimeCacheContext& context, const std::vector<std::byte>& map) {
  std::array<PageRange, 6> ranges{};
  const std::size_t count = runtime_cache_ranges(context, {map, stride}, ranges);
  return {ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(RuntimeCacheRanges, AreThePagesThatMayBeOpened) {
  alignas(4096) static std::array<std::byte, 3 * 4096> store{};
  const std::uint32_t store_size = 2 * 4096;
  std::memcpy(store.data() + 0x800 + 16, &store_size, sizeof(store_size));
  const auto base = reinterpret_cast<std::uint64_t>(store.data());
  const auto map = map_of({{abi::runtime_services_data, 0x1000, 3}, {abi::runtime_services_data, base, 3}});
  messages::RuntimeCacheContext context{};
  context.read_lock = 0x1FFF;
  context.pending_update = 0x3000;
  context.hob_flush_complete = 0x4001;  // not in the map
  context.volatile_cache = base + 0x800;
  EXPECT_EQ(ranges_of(context, map), (std::vector<PageRange>{{0x3000, 1}, {0x1000, 1}, {base, 3}}));
  context.volatile_cache = base + 0x1800;  // too near the end for what the size says
  std::memcpy(store.data() + 0x1800 + 16, &store_size, sizeof(store_size));
  EXPECT_EQ(ranges_of(context, map).size(), 2U);
}

// The size of a store that may not be opened isn't read: these would fault.
TEST(RuntimeCacheRanges, NothingElseIsTouched) {
  const auto map = map_of({{abi::runtime_services_data, 0x1000, 3}, {abi::conventional_memory, 0x10000, 16}});
  for (const std::uint64_t address : {std::uint64_t{1}, std::uint64_t{0x10000}, std::uint64_t{1} << 60,
                                      ~std::uint64_t{0}, ~std::uint64_t{0} - 4096, ~std::uint64_t{0} - 27}) {
    messages::RuntimeCacheContext context{};
    context.hob_cache = address;
    context.volatile_cache = address;
    context.non_volatile_cache = address;
    context.pending_update = address;
    EXPECT_TRUE(ranges_of(context, map).empty()) << std::hex << address;
  }
}

}  // namespace
}  // namespace redoubt::launch::dxe
