// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/flash_store.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "drivers/variable/board.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
namespace status = abi::status;

constexpr char stock_store[] = "/usr/share/OVMF/OVMF_VARS_4M.fd";
constexpr char stock_store_with_keys[] = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";

std::vector<std::byte> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return bytes(text);
}

TEST(FlashStore, FormatsABlankDeviceAsStockFirmwareDoes) {
  const std::vector<std::byte> stock = read_file(stock_store);
  ASSERT_EQ(stock.size(), 0x84000u);
  for (const unsigned fill : {0xFFU, 0x00U}) {
    Machine machine(NorModel(std::vector<std::byte>(stock.size(), static_cast<std::byte>(fill))), board::layout);
    ASSERT_TRUE(machine.started.has_value());
    const auto& cells = machine.flash.cells();
    EXPECT_TRUE(std::equal(cells.begin(), cells.begin() + board::layout.store_size, stock.begin()));
  }
}

TEST(FlashStore, FormattingSurvivesAPowerCutAnywhere) {
  for (std::uint64_t step = 0; step < 104; ++step) {
    NorModel nor(small_flash);
    nor.cut_power_at(step, static_cast<std::uint32_t>(step));
    HeapAllocator allocator;
    {
      VariableTable table(allocator);
      static_cast<void>(FlashStore(nor, table, small_layout).open());
    }
    Machine machine(std::move(nor), small_layout);
    EXPECT_TRUE(machine.started.has_value()) << step;
    EXPECT_EQ(machine.set(u"A", attribute::nv_bs, "1"), status::success);
  }
}

TEST(FlashStore, KeepsTimeStamps) {
  NorModel nor(small_flash);
  HeapAllocator allocator;
  const VariableId id{vendor_a, u"A"};
  const abi::Time first{2026, 11, 24, 15, 16, 17, 0, 0, 0, 0, 0};
  const abi::Time second{2027, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0};
  const auto expect = [&](const abi::Time& time) {
    VariableTable table(allocator);
    FlashStore store(nor, table, small_layout);
    ASSERT_TRUE(store.open().has_value());
    ASSERT_NE(table.find(id), nullptr);
    EXPECT_EQ(table.find(id)->time_stamp, time);
    ASSERT_TRUE(store.write(id, attribute::nv_bs_rt_at, second, bytes("two"), table.find(id)).has_value());
    EXPECT_EQ(table.find(id)->time_stamp, second);
  };
  {
    VariableTable table(allocator);
    FlashStore store(nor, table, small_layout);
    ASSERT_TRUE(store.open().has_value());
    ASSERT_TRUE(store.write(id, attribute::nv_bs_rt_at, first, bytes("one"), nullptr).has_value());
    EXPECT_EQ(table.find(id)->time_stamp, first);
  }
  expect(first);
  expect(second);
}

TEST(FlashStore, LeavesADamagedStoreAlone) {
  std::vector<std::byte> image(small_flash, std::byte{0xFF});
  image[100] = std::byte{1};
  image[0] = std::byte{0x77};
  Machine machine(NorModel(image), small_layout);
  ASSERT_FALSE(machine.started.has_value());
  EXPECT_EQ(machine.started.error(), Error::malformed);
  EXPECT_EQ(machine.flash.cells(), image);
  EXPECT_EQ(machine.set(u"A", attribute::nv_bs, "1"), status::device_error);
  EXPECT_EQ(machine.set(u"A", attribute::bs_rt, "1"), status::success);
}

TEST(FlashStore, KeepsVariablesOverResets) {
  Machine machine;
  EXPECT_EQ(machine.set(u"First", attribute::nv_bs_rt, "one"), status::success);
  EXPECT_EQ(machine.set(u"Second", attribute::nv_bs, "two"), status::success);
  EXPECT_EQ(machine.set(u"First", attribute::nv_bs_rt, "another"), status::success);
  EXPECT_EQ(machine.set(u"Gone", attribute::nv_bs, "x"), status::success);
  EXPECT_EQ(machine.set(u"Gone", 0, ""), status::success);
  EXPECT_EQ(machine.set(u"Volatile", attribute::bs_rt, "x"), status::success);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(machine.get(u"First"), (Machine::Value{status::success, attribute::nv_bs_rt, "another"}));
  EXPECT_EQ(machine.get(u"Second"), (Machine::Value{status::success, attribute::nv_bs, "two"}));
  EXPECT_EQ(machine.get(u"Gone").status, status::not_found);
  EXPECT_EQ(machine.get(u"Volatile").status, status::not_found);
}

TEST(FlashStore, SaysWhenItIsFullAndKeepsWhatItHas) {
  Machine machine;
  const std::string large(1000, 'x');
  std::size_t count = 0;
  abi::EfiStatus result = status::success;
  while ((result = machine.set(u"V" + std::u16string(1, static_cast<char16_t>(u'A' + count)), attribute::nv_bs,
                               large)) == status::success) {
    ++count;
  }
  EXPECT_EQ(result, status::out_of_resources);
  EXPECT_EQ(count, 15u);
  EXPECT_EQ(machine.set(u"VA", attribute::nv_bs, std::string(2000, 'y')), status::out_of_resources);
  EXPECT_EQ(machine.get(u"VA").data, large);
  EXPECT_EQ(machine.set(u"VA", 0, ""), status::success);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(machine.names().size(), 14u + 4u);  // four variables state the state of Secure Boot
}

TEST(FlashStore, FlashThatRefusesLeavesTheOldValue) {
  Machine machine;
  EXPECT_EQ(machine.set(u"A", attribute::nv_bs, "old"), status::success);
  machine.flash.cut_power_at(60, 1);
  EXPECT_EQ(machine.set(u"A", attribute::nv_bs, "new"), status::device_error);
  EXPECT_EQ(machine.get(u"A").data, "old");
}

// Every step at which power can fail while one variable is replaced: the old value or the new one, nothing else
// changed, and the store goes on working.
TEST(FlashStore, PowerCutsLeaveOldOrNew) {
  const std::string old_value(40, 'o');
  const std::string new_value(90, 'n');
  Machine origin;
  ASSERT_EQ(origin.set(u"Other", attribute::nv_bs_rt, "untouched"), status::success);
  ASSERT_EQ(origin.set(u"Victim", attribute::nv_bs, old_value), status::success);
  const NorModel before = origin.flash;
  const std::uint64_t start = origin.flash.steps();
  ASSERT_EQ(origin.set(u"Victim", attribute::nv_bs, new_value), status::success);
  const std::uint64_t steps = origin.flash.steps() - start;
  ASSERT_GT(steps, 150u);
  std::size_t old_seen = 0;
  std::size_t new_seen = 0;
  for (std::uint64_t step = 0; step < steps; ++step) {
    for (std::uint32_t seed = 0; seed < 8; ++seed) {
      Machine machine(before, small_layout);
      machine.flash.cut_power_at(step, seed * 977 + static_cast<std::uint32_t>(step));
      static_cast<void>(machine.set(u"Victim", attribute::nv_bs, new_value));
      ASSERT_FALSE(machine.flash.powered());
      // A second cut, during recovery, must not hurt either.
      if (seed % 2 == 1) {
        machine.flash.power_up();
        machine.flash.cut_power_at(step % 7, seed);
        HeapAllocator allocator;
        VariableTable table(allocator);
        static_cast<void>(FlashStore(machine.flash, table, small_layout).open());
      }
      ASSERT_TRUE(machine.reset().has_value()) << step << " " << seed;
      const Machine::Value value = machine.get(u"Victim");
      ASSERT_EQ(value.status, status::success) << step << " " << seed;
      ASSERT_TRUE(value.data == old_value || value.data == new_value) << step << " " << seed;
      ++(value.data == old_value ? old_seen : new_seen);
      ASSERT_EQ(machine.get(u"Other").data, "untouched");
      ASSERT_EQ(machine.set(u"Victim", attribute::nv_bs, "third"), status::success) << step << " " << seed;
      ASSERT_EQ(machine.set(u"Fresh", attribute::nv_bs, "fourth"), status::success) << step << " " << seed;
      ASSERT_TRUE(machine.reset().has_value());
      ASSERT_EQ(machine.get(u"Victim").data, "third");
      ASSERT_EQ(machine.get(u"Fresh").data, "fourth");
      ASSERT_EQ(machine.get(u"Other").data, "untouched");
    }
  }
  EXPECT_GT(old_seen, 0u);
  EXPECT_GT(new_seen, 0u);
}

TEST(FlashStore, PowerCutsWhileDeletingLeaveTheVariableOrNothing) {
  Machine origin;
  ASSERT_EQ(origin.set(u"Victim", attribute::nv_bs, "old"), status::success);
  for (std::uint32_t seed = 0; seed < 16; ++seed) {
    Machine machine(origin.flash, small_layout);
    machine.flash.cut_power_at(0, seed);
    EXPECT_EQ(machine.set(u"Victim", 0, ""), status::device_error);
    ASSERT_TRUE(machine.reset().has_value());
    const Machine::Value value = machine.get(u"Victim");
    EXPECT_TRUE(value.status == status::not_found || value.data == "old");
  }
}

TEST(FlashStore, ReadsAStoreWithEnrolledKeys) {
  Machine machine(NorModel(read_file(stock_store_with_keys)), board::layout);
  ASSERT_TRUE(machine.started.has_value());
  for (const VariableId& id :
       {platform_key, VariableId{global_variable_guid, u"KEK"}, VariableId{image_security_database_guid, u"db"},
        VariableId{image_security_database_guid, u"dbx"}}) {
    const Machine::Value value = machine.get(id.name, id.vendor);
    EXPECT_EQ(value.status, status::success);
    EXPECT_EQ(value.attributes, attribute::nv_bs_rt_at);
    EXPECT_GT(value.data.size(), 28u);
    EXPECT_EQ(machine.set(id.name, 0, "", id.vendor), status::write_protected);
    EXPECT_EQ(machine.set(id.name, attribute::nv_bs_rt, "x", id.vendor), status::invalid_parameter);
  }
  EXPECT_EQ(machine.get(u"SetupMode", global_variable_guid).data, std::string(1, 0));
  EXPECT_EQ(machine.get(u"SecureBoot", global_variable_guid).data, std::string(1, 1));
}

// What stock firmware leaves when power fails while it writes: a whole record without a state, or parts of one.
TEST(FlashStore, RecoversWhatStockFirmwareLeaves) {
  Machine origin;
  ASSERT_EQ(origin.set(u"Good", attribute::nv_bs, "good"), status::success);
  const std::uint32_t tail = 100 + static_cast<std::uint32_t>(FlashStore::record_size(10, 4));
  format::RecordHeader header{};
  header.start = format::RecordHeader::expected_start;
  header.state = format::state::blank;
  header.attributes = attribute::nv_bs;
  header.name_size = 6;
  header.data_size = 3;
  header.vendor = vendor_a;
  const char16_t name[] = u"Hm";
  for (std::size_t written = 1; written <= sizeof(header) + 9; ++written) {
    NorModel nor = origin.flash;
    std::vector<std::byte> record(sizeof(header) + 9, std::byte{0x21});
    std::memcpy(record.data(), &header, sizeof(header));
    std::memcpy(record.data() + sizeof(header), name, sizeof(name));
    std::copy_n(record.begin(), written, nor.cells().begin() + tail);
    Machine machine(std::move(nor), small_layout);
    ASSERT_TRUE(machine.started.has_value());
    EXPECT_EQ(machine.get(u"Good").data, "good");
    EXPECT_EQ(machine.get(u"Hm").status, status::not_found);
    ASSERT_EQ(machine.set(u"Next", attribute::nv_bs, "next"), status::success) << written;
    ASSERT_TRUE(machine.reset().has_value());
    EXPECT_EQ(machine.get(u"Next").data, "next") << written;
    EXPECT_EQ(machine.get(u"Hm").status, status::not_found);
  }
}

TEST(FlashStore, OfTwoRecordsWithOneNameTakesTheAddedOne) {
  Machine origin;
  ASSERT_EQ(origin.set(u"X", attribute::nv_bs, "1"), status::success);
  ASSERT_EQ(origin.set(u"Y", attribute::nv_bs, "2"), status::success);
  constexpr std::uint32_t first = 100;
  constexpr std::uint32_t second = 100 + 68;
  constexpr std::uint32_t state = offsetof(format::RecordHeader, state);
  const struct {
    std::uint8_t first_state;
    std::uint8_t second_state;
    const char* expected;
  } cases[] = {{0x3F, 0x3F, "1"}, {0x3E, 0x3F, "2"}, {0x3F, 0x3E, "1"}, {0x3E, 0x3E, "2"}, {0x3C, 0x3E, "2"}};
  for (const auto& test_case : cases) {
    NorModel nor = origin.flash;
    nor.cells()[second + 60] = std::byte{'X'};
    nor.cells()[first + state] = std::byte{test_case.first_state};
    nor.cells()[second + state] = std::byte{test_case.second_state};
    Machine machine(std::move(nor), small_layout);
    EXPECT_EQ(machine.get(u"X").data, test_case.expected);
    EXPECT_EQ(machine.set(u"X", 0, ""), status::success);
    ASSERT_TRUE(machine.reset().has_value());
    EXPECT_EQ(machine.get(u"X").status, status::not_found);
  }
}

TEST(FlashStore, RecordsWithImpossibleSizesEndTheStore) {
  Machine origin;
  ASSERT_EQ(origin.set(u"Good", attribute::nv_bs, "good"), status::success);
  ASSERT_EQ(origin.set(u"Bad", attribute::nv_bs, "bad"), status::success);
  const std::uint32_t bad = 100 + static_cast<std::uint32_t>(FlashStore::record_size(10, 4));
  for (const std::uint32_t size : {0x80000000u, 0xFFFFFFFFu, 0x4000u}) {
    for (const std::size_t field :
         {offsetof(format::RecordHeader, name_size), offsetof(format::RecordHeader, data_size)}) {
      NorModel nor = origin.flash;
      std::memcpy(nor.cells().data() + bad + field, &size, sizeof(size));
      Machine machine(std::move(nor), small_layout);
      ASSERT_TRUE(machine.started.has_value());
      EXPECT_EQ(machine.get(u"Good").data, "good");
      EXPECT_EQ(machine.get(u"Bad").status, status::not_found);
      EXPECT_EQ(machine.set(u"Next", attribute::nv_bs, "n"), status::out_of_resources);
    }
  }
}

}  // namespace
}  // namespace redoubt::variable
