// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/flash_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include <fstream>
#include <iterator>

#include "drivers/variable/board.hpp"
#include "drivers/variable/store/inspection.hpp"
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
    EXPECT_TRUE(std::equal(cells.begin() + board::layout.work, cells.begin() + board::layout.work + 32,
                           stock.begin() + board::layout.work));
  }
}

TEST(FlashStore, FormattingSurvivesAPowerCutAnywhere) {
  for (const unsigned fill : {0xFFU, 0x00U}) {
    bool finished = false;
    for (std::uint64_t step = 0; !finished; ++step) {
      NorModel nor(std::vector<std::byte>(small_flash, static_cast<std::byte>(fill)));
      nor.cut_power_at(step, static_cast<std::uint32_t>(step));
      HeapAllocator allocator;
      {
        VariableTable table(allocator);
        finished = FlashStore(allocator, nor, table, small_layout).open().has_value();
      }
      ASSERT_LT(step, 1000u);
      Machine machine(std::move(nor), small_layout);
      EXPECT_TRUE(machine.started.has_value()) << step;
      EXPECT_EQ(machine.set(u"A", attribute::nv_bs, "1"), status::success);
    }
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
    FlashStore store(allocator, nor, table, small_layout);
    ASSERT_TRUE(store.open().has_value());
    ASSERT_NE(table.find(id), nullptr);
    EXPECT_EQ(table.find(id)->time_stamp, time);
    ASSERT_TRUE(store.write(id, attribute::nv_bs_rt_at, second, bytes("two"), table.find(id)).has_value());
    EXPECT_EQ(table.find(id)->time_stamp, second);
  };
  {
    VariableTable table(allocator);
    FlashStore store(allocator, nor, table, small_layout);
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

TEST(FlashStore, ADamagedStoreIsNoSetupMode) {
  std::vector<std::byte> image(small_flash, std::byte{0xFF});
  image[0] = std::byte{0x77};
  const Machine machine(NorModel(image), small_layout);
  ASSERT_FALSE(machine.started.has_value());
  EXPECT_EQ(machine.get(u"SetupMode", global_variable_guid).data, std::string(1, '\0'));
  EXPECT_EQ(machine.get(u"SecureBoot", global_variable_guid).data, std::string(1, '\1'));
  EXPECT_EQ(machine.get(u"DeployedMode", global_variable_guid).data, std::string(1, '\1'));
}

// Clears attribute bits of the record that holds `data`, as damage may.
void lose_non_volatile(Machine& machine, std::string_view data) {
  auto& cells = machine.flash.cells();
  const auto found = std::ranges::search(cells, std::as_bytes(std::span(data)));
  ASSERT_FALSE(found.empty());
  const auto data_at = static_cast<std::size_t>(found.begin() - cells.begin());
  for (std::size_t at = data_at - data_at % 4; at > 0; at -= 4) {
    format::RecordHeader header;
    std::memcpy(&header, &cells[at], sizeof(header));
    if (header.start == format::RecordHeader::expected_start) {
      header.attributes &= ~attribute::non_volatile;
      std::memcpy(&cells[at], &header, sizeof(header));
      return;
    }
  }
  FAIL();
}

// Stock firmware still has it, as what it says that it is. It can only be deleted.
TEST(FlashStore, AVariableThatLostItsNonVolatileAttributeIsKept) {
  Machine machine;
  EXPECT_EQ(machine.set(u"First", attribute::nv_bs_rt, "first data"), status::success);
  EXPECT_EQ(machine.set(u"Second", attribute::nv_bs_rt, "second data"), status::success);
  lose_non_volatile(machine, "first data");
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(machine.get(u"First"), (Machine::Value{status::success, attribute::bs_rt, "first data"}));
  EXPECT_EQ(machine.set(u"First", attribute::bs_rt, "volatile"), status::invalid_parameter);
  // Also through reclaims.
  for (int round = 0; round < 2000; ++round) {
    ASSERT_EQ(machine.set(u"Third", attribute::nv_bs_rt, std::to_string(round)), status::success);
  }
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(machine.get(u"Second").data, "second data");
  EXPECT_EQ(machine.get(u"Third").data, "1999");
  EXPECT_EQ(machine.get(u"First").data, "first data");
  EXPECT_EQ(machine.set(u"First", 0, ""), status::success);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(machine.get(u"First").status, status::not_found);
}

TEST(FlashStore, FlashDoesNotSayWhatFirmwareStates) {
  Machine machine;
  for (const char16_t* name : {u"SetupMode", u"SecureBoot", u"DeployedMode", u"VendorKeys"}) {
    const VariableId id{global_variable_guid, name};
    {
      HeapAllocator allocator;
      VariableTable table(allocator);
      FlashStore store(allocator, machine.flash, table, small_layout);
      ASSERT_TRUE(store.open().has_value());
      ASSERT_TRUE(store.write(id, attribute::nv_bs_rt, abi::Time{}, bytes("\x07"), nullptr).has_value());
    }
    ASSERT_TRUE(machine.reset().has_value());
    EXPECT_EQ(machine.get(name, global_variable_guid).attributes, attribute::bs_rt);
  }
  EXPECT_EQ(machine.get(u"SetupMode", global_variable_guid).data, std::string(1, '\1'));
  EXPECT_EQ(machine.get(u"SecureBoot", global_variable_guid).data, std::string(1, '\0'));
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
  EXPECT_EQ(machine.names().size(), 14u + 6u);  // six variables state the state of Secure Boot
}

TEST(FlashStore, FlashThatRefusesLeavesTheOldValue) {
  Machine machine;
  EXPECT_EQ(machine.set(u"A", attribute::nv_bs, "old"), status::success);
  machine.flash.cut_power_at(60, 1);
  EXPECT_EQ(machine.set(u"A", attribute::nv_bs, "new"), status::device_error);
  EXPECT_EQ(machine.get(u"A").data, "old");
}

// Volumes of other sizes than the board's, as files have them.
TEST(FlashStore, ReclaimsVolumesOfAnyLayout) {
  for (const char* path : {stock_store_with_keys, "/usr/share/OVMF/OVMF_VARS.ms.fd"}) {
    const std::vector<std::byte> image = read_file(path);
    const Result<StoreLayout> layout = find_layout(image);
    ASSERT_TRUE(layout.has_value()) << path;
    Machine machine(NorModel(image, layout->block_size), *layout);
    ASSERT_TRUE(machine.started.has_value()) << path;
    EXPECT_EQ(machine.flash.cells(), image);
    const std::vector<std::u16string> before = machine.names();
    const std::string keys = machine.get(u"db", image_security_database_guid).data;
    EXPECT_GT(keys.size(), 1000u);
    for (std::size_t round = 0; round < 2 * layout->store_size / 1000; ++round) {
      ASSERT_EQ(machine.set(u"A", attribute::nv_bs, std::string(1000, static_cast<char>('a' + round % 26))),
                status::success);
    }
    EXPECT_GE(read_write_queue(machine.flash.cells(), *layout).header,
              layout->work + sizeof(format::WorkingBlockHeader) +
                  2 * (sizeof(format::WriteHeader) + sizeof(format::WriteRecord)));
    ASSERT_TRUE(machine.reset().has_value());
    EXPECT_EQ(machine.names().size(), before.size() + 1);
    EXPECT_EQ(machine.get(u"db", image_security_database_guid).data, keys);
    EXPECT_EQ(machine.get(u"db", image_security_database_guid).attributes, attribute::nv_bs_rt_at);
    EXPECT_TRUE(inspect(machine.flash.cells(), *layout).empty());
  }
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
        static_cast<void>(FlashStore(allocator, machine.flash, table, small_layout).open());
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
  int gone = 0;
  int kept = 0;
  for (std::uint32_t seed = 0; seed < 16; ++seed) {
    Machine machine(origin.flash, small_layout);
    machine.flash.cut_power_at(0, seed);
    const abi::EfiStatus deleted = machine.set(u"Victim", 0, "");
    ASSERT_TRUE(machine.reset().has_value());
    // With the power gone it can't be told whether the bit took.
    EXPECT_EQ(deleted, status::device_error);
    const Machine::Value value = machine.get(u"Victim");
    EXPECT_TRUE(value.status == status::not_found || value.data == "old");
    ++(value.status == status::not_found ? gone : kept);
  }
  EXPECT_GT(gone, 0);
  EXPECT_GT(kept, 0);
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

// A deleted record that leads nowhere ends what any reader finds; if nothing is behind it the next write makes the
// store whole again.
TEST(FlashStore, DeletedRecordsWithImpossibleSizesEndTheStore) {
  Machine origin;
  ASSERT_EQ(origin.set(u"Good", attribute::nv_bs, "good"), status::success);
  ASSERT_EQ(origin.set(u"Bad", attribute::nv_bs, "bad"), status::success);
  ASSERT_EQ(origin.set(u"Bad", 0, ""), status::success);
  const std::uint32_t bad = 100 + static_cast<std::uint32_t>(FlashStore::record_size(10, 4));
  for (const std::uint32_t size : {0x80000000u, 0x4000u}) {
    for (const std::size_t field :
         {offsetof(format::RecordHeader, name_size), offsetof(format::RecordHeader, data_size)}) {
      NorModel nor = origin.flash;
      std::memcpy(nor.cells().data() + bad + field, &size, sizeof(size));
      Machine machine(std::move(nor), small_layout);
      ASSERT_TRUE(machine.started.has_value());
      EXPECT_EQ(machine.get(u"Good").data, "good");
      EXPECT_EQ(machine.get(u"Bad").status, status::not_found);
      EXPECT_EQ(machine.set(u"Next", attribute::nv_bs, "n"), status::success);
      ASSERT_TRUE(machine.reset().has_value());
      EXPECT_EQ(machine.get(u"Good").data, "good");
      EXPECT_EQ(machine.get(u"Next").data, "n");
      EXPECT_EQ(machine.get(u"Bad").status, status::not_found);
    }
  }
}

// A store alone, without the rules above it.
struct Store {
  explicit Store(NorModel& nor) : store(allocator, nor, table, small_layout) { opened = store.open(); }

  Result<void> set(std::u16string_view name, std::string_view data, std::uint32_t attributes = attribute::nv_bs_rt,
                   std::uint16_t year = 0) {
    const VariableId id{vendor_a, name};
    abi::Time time{};
    time.year = year;
    return store.write(id, attributes, time, std::as_bytes(std::span(data)), table.find(id));
  }
  std::string get(std::u16string_view name) const {
    const Variable* variable = table.find({vendor_a, name});
    if (variable == nullptr) {
      return "none";
    }
    const Bytes data = variable->data();
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }
  std::u16string order() const {
    std::u16string names;
    for (const Variable* variable = table.first_non_volatile(); variable != nullptr; variable = variable->next) {
      names += static_cast<char16_t>(std::to_integer<int>(variable->name_bytes()[0]));
    }
    return names;
  }

  HeapAllocator allocator;
  VariableTable table{allocator};
  FlashStore store;
  Result<void> opened;
};

TEST(FlashStore, ReclaimKeepsWhatIsLive) {
  NorModel nor(small_flash);
  {
    Store store(nor);
    ASSERT_TRUE(store.opened.has_value());
    ASSERT_TRUE(store.set(u"A", "first").has_value());
    ASSERT_TRUE(store.set(u"B", "an error", attribute::nv_bs_rt | attribute::hardware_error_record).has_value());
    ASSERT_TRUE(store.set(u"C", "gone").has_value());
    ASSERT_TRUE(store.set(u"D", "signed", attribute::nv_bs_rt_at, 2026).has_value());
    ASSERT_TRUE(store.store.remove(*store.table.find({vendor_a, u"C"})).has_value());
    const std::uint32_t used = store.store.used();
    EXPECT_EQ(used, FlashStore::record_size(4, 5) + FlashStore::record_size(4, 8) + FlashStore::record_size(4, 6));
    EXPECT_EQ(store.store.used_by_hardware_errors(), FlashStore::record_size(4, 8));
    std::uint64_t reclaims = 0;
    for (int round = 0; round < 200; ++round) {
      const std::uint64_t start = nor.steps();
      ASSERT_TRUE(store.set(u"E", std::string(500 + static_cast<std::size_t>(round), 'e')).has_value());
      reclaims += nor.steps() - start > 2000 ? 1 : 0;
      ASSERT_EQ(store.get(u"E").size(), 500u + static_cast<std::size_t>(round));
      ASSERT_EQ(store.get(u"A"), "first");
      ASSERT_EQ(store.order(), u"ABDE");
      ASSERT_EQ(store.store.used(), used + FlashStore::record_size(4, store.get(u"E").size()));
    }
    EXPECT_GT(reclaims, 5u);
    EXPECT_LT(reclaims, 15u);
  }
  EXPECT_TRUE(inspect(nor.cells(), small_layout).empty());
  Store store(nor);
  EXPECT_EQ(store.order(), u"ABDE");
  EXPECT_EQ(store.get(u"B"), "an error");
  EXPECT_EQ(store.table.find({vendor_a, u"B"})->attributes, attribute::nv_bs_rt | attribute::hardware_error_record);
  EXPECT_EQ(store.store.used_by_hardware_errors(), FlashStore::record_size(4, 8));
  EXPECT_EQ(store.get(u"D"), "signed");
  EXPECT_EQ(store.table.find({vendor_a, u"D"})->time_stamp.year, 2026);
}

TEST(FlashStore, AReplacedVariableNeedsRoomForOneOfItsValuesOnly) {
  NorModel nor(small_flash);
  Store store(nor);
  const auto header_and_name = static_cast<std::uint32_t>(FlashStore::record_size(4, 0));
  const std::uint32_t most = store.store.capacity() - header_and_name;
  ASSERT_TRUE(store.set(u"A", std::string(most, 'a')).has_value());
  EXPECT_EQ(store.store.used(), store.store.capacity());
  ASSERT_TRUE(store.set(u"A", std::string(most, 'b')).has_value());
  EXPECT_EQ(store.get(u"A"), std::string(most, 'b'));
  const std::vector<std::byte> full = nor.cells();
  EXPECT_EQ(store.set(u"A", std::string(most + 1, 'c')).error(), Error::out_of_memory);
  EXPECT_EQ(store.set(u"B", "b").error(), Error::out_of_memory);
  EXPECT_EQ(nor.cells(), full);
  ASSERT_TRUE(store.store.remove(*store.table.find({vendor_a, u"A"})).has_value());
  EXPECT_EQ(store.store.used(), 0u);
  ASSERT_TRUE(store.set(u"B", std::string(most, 'b')).has_value());
  Store again(nor);
  EXPECT_EQ(again.order(), u"B");
}

TEST(FlashStore, MakesRoomWhenMuchIsDeleted) {
  NorModel nor(small_flash);
  Store store(nor);
  const std::uint64_t formatted = nor.steps();
  ASSERT_TRUE(store.store.make_room(small_region).has_value());
  EXPECT_EQ(nor.steps(), formatted) << "nothing is deleted";
  ASSERT_TRUE(store.set(u"A", std::string(2000, 'a')).has_value());
  ASSERT_TRUE(store.set(u"A", std::string(2000, 'b')).has_value());
  const std::uint64_t written = nor.steps();
  ASSERT_TRUE(store.store.make_room(8000).has_value());
  EXPECT_EQ(nor.steps(), written) << "there is room";
  ASSERT_TRUE(store.store.make_room(13000).has_value());
  EXPECT_GT(nor.steps(), written);
  const std::uint64_t reclaimed = nor.steps();
  ASSERT_TRUE(store.store.make_room(small_region).has_value());
  EXPECT_EQ(nor.steps(), reclaimed) << "nothing is deleted any more";
  EXPECT_EQ(store.get(u"A"), std::string(2000, 'b'));
}

TEST(FlashStore, ReadyToBootMakesRoomForTheLargestVariable) {
  Machine machine(Limits{.max_variable_size = 0x2000});
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(machine.set(u"A", attribute::nv_bs, std::string(2000, static_cast<char>('a' + round))), status::success);
  }
  const std::uint64_t start = machine.flash.steps();
  machine.services->ready_to_boot();
  EXPECT_GT(machine.flash.steps(), start + 4000);
  EXPECT_EQ(machine.get(u"A").data, std::string(2000, 'e'));
  const std::uint64_t reclaimed = machine.flash.steps();
  machine.services->ready_to_boot();
  EXPECT_EQ(machine.flash.steps(), reclaimed);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(machine.get(u"A").data, std::string(2000, 'e'));
}

TEST(FlashStore, AReclaimThatFailsForWantOfMemoryChangesNothing) {
  NorModel nor(small_flash);
  Store store(nor);
  // Nodes come in slabs: all of the first one is used.
  for (char16_t index = 0; index < 48; ++index) {
    ASSERT_TRUE(store.set(std::u16string(1, static_cast<char16_t>(u'A' + index)), std::string(200, 'x')).has_value());
  }
  ASSERT_TRUE(store.set(u"A", std::string(2000, 'y')).has_value());
  ASSERT_TRUE(store.set(u"A", "y").has_value());
  const std::vector<std::byte> before = nor.cells();
  store.allocator.allow(0);
  EXPECT_EQ(store.set(u"new", std::string(3000, 'z')).error(), Error::out_of_memory);
  EXPECT_EQ(nor.cells(), before);
  // A variable that is there needs no memory.
  EXPECT_TRUE(store.set(u"B", std::string(2900, 'z')).has_value());
  EXPECT_EQ(store.get(u"A"), "y");
}

// Flash that fails in the middle of a reclaim: everything stays readable, from where it is whole.
TEST(FlashStore, FlashThatFailsDuringAReclaimLeavesEverythingReadable) {
  NorModel origin(small_flash);
  const std::string old_value(3000, 'o');
  const std::string new_value(4000, 'n');
  {
    Store store(origin);
    ASSERT_TRUE(store.set(u"A", "first").has_value());
    for (int round = 0; round < 4; ++round) {
      ASSERT_TRUE(store.set(u"B", std::string(3000, static_cast<char>('a' + round))).has_value());
    }
    ASSERT_TRUE(store.set(u"B", old_value).has_value());
    ASSERT_TRUE(store.set(u"C", "third").has_value());
  }
  std::size_t seen[2] = {0, 0};
  for (const std::u16string_view name : {u"B", u"D"}) {
    for (std::uint64_t step = 0;; step += 97) {
      NorModel nor = origin;
      bool is_new = false;
      {
        Store store(nor);
        nor.cut_power_at(step, 5);
        const Result<void> written = store.set(name, new_value);
        if (nor.powered()) {
          ASSERT_GT(step, 5000u);
          break;
        }
        EXPECT_EQ(store.get(u"A"), "first") << step;
        EXPECT_EQ(store.get(u"C"), "third") << step;
        is_new = store.get(name) == new_value;
        EXPECT_TRUE(is_new || store.get(name) == (name == u"B" ? old_value : "none")) << step;
        // The new value is in force as soon as the next start would find it.
        EXPECT_EQ(written.has_value(), is_new) << step;
        EXPECT_EQ(store.set(u"A", "x").error(), Error::device);
        EXPECT_EQ(store.store.remove(*store.table.find({vendor_a, u"A"})).error(), Error::device);
        EXPECT_EQ(store.store.make_room(small_region).error(), Error::device);
      }
      ++seen[is_new];
      nor.power_up();
      Store store(nor);
      ASSERT_TRUE(store.opened.has_value());
      EXPECT_EQ(store.get(u"A"), "first");
      EXPECT_EQ(store.get(u"C"), "third");
      EXPECT_EQ(store.get(name) == new_value, is_new) << step;
    }
  }
  EXPECT_GT(seen[false], 20u);
  EXPECT_GT(seen[true], 20u);
}

TEST(FlashStore, DamageIsNamed) {
  Machine origin;
  const auto damage = [&](std::size_t offset, auto value) {
    NorModel nor = origin.flash;
    std::memcpy(nor.cells().data() + offset, &value, sizeof(value));
    const std::vector<std::byte> before = nor.cells();
    Store store(nor);
    EXPECT_EQ(store.opened.error(), Error::malformed);
    EXPECT_EQ(nor.cells(), before);
    const std::vector<Finding> findings = inspect(nor.cells(), small_layout);
    EXPECT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].severity, Severity::damage);
    EXPECT_EQ(findings[0].id, store.store.damage()->id);
    return store.store.damage()->id;
  };
  constexpr std::size_t store = sizeof(format::VolumeHeader);
  EXPECT_EQ(damage(40, 'x'), FindingId::volume_signature);
  EXPECT_EQ(damage(16, 'x'), FindingId::volume_file_system);
  EXPECT_EQ(damage(48, std::uint16_t{70}), FindingId::volume_header_length);
  EXPECT_EQ(damage(48, std::uint16_t{0xFFFC}), FindingId::volume_header_length);
  EXPECT_EQ(damage(store, format::plain_store_guid), FindingId::store_without_authentication);
  EXPECT_EQ(damage(store, 'y'), FindingId::store_signature);
  EXPECT_EQ(damage(store + 20, 'x'), FindingId::store_format);
  EXPECT_EQ(damage(store + 21, 'x'), FindingId::store_state);
  EXPECT_EQ(damage(store + 16, small_region), FindingId::store_size);
  EXPECT_EQ(damage(store + 16, std::uint32_t{27}), FindingId::store_size);
}

// Its records have no time stamps: read as others, they would be made into something else.
TEST(FlashStore, AStoreWithoutAuthenticationIsNotRepaired) {
  Machine origin;
  ASSERT_EQ(origin.set(u"A", attribute::nv_bs, "value"), status::success);
  NorModel nor = origin.flash;
  std::memcpy(nor.cells().data() + sizeof(format::VolumeHeader), &format::plain_store_guid, sizeof(abi::Guid));
  const std::vector<std::byte> before = nor.cells();
  HeapAllocator allocator;
  VariableTable table(allocator);
  const Result<void> opened = FlashStore(allocator, nor, table, small_layout).open(Repair::yes);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error(), Error::malformed);
  EXPECT_EQ(nor.cells(), before);
}

// A key may have been replaced by what is out of reach: with one of the four missing in front of the damage, none
// counts.
TEST(FlashStore, KeysInFrontOfDamageCountTogether) {
  constexpr const VariableId* keys[] = {&platform_key, &key_exchange_key, &signature_database, &forbidden_database};
  constexpr std::size_t none = std::size(keys);
  for (std::size_t missing = 0; missing <= none; ++missing) {
    NorModel nor(small_flash);
    std::uint32_t hole = 0;
    {
      Store store(nor);
      for (std::size_t i = 0; i < none; ++i) {
        if (i != missing) {
          ASSERT_TRUE(store.store.write(*keys[i], attribute::nv_bs_rt_at, abi::Time{}, bytes("key"), nullptr));
        }
      }
      ASSERT_TRUE(store.set(u"Hole", "1").has_value());
      ASSERT_TRUE(store.set(u"Behind", "2").has_value());
      hole = store.table.find({vendor_a, u"Hole"})->record;
    }
    std::fill_n(nor.cells().begin() + hole, sizeof(format::RecordHeader), std::byte{0xFF});
    const Machine machine(std::move(nor), small_layout);
    ASSERT_FALSE(machine.started.has_value());
    for (const VariableId* key : keys) {
      EXPECT_EQ(machine.get(key->name, key->vendor).status, missing == none ? status::success : status::not_found);
    }
    EXPECT_EQ(machine.get(u"SetupMode", global_variable_guid).data, std::string(1, '\0'));
  }
}

// Fewer cells are left than a header has, and not all of them are blank: what follows isn't the store's.
TEST(FlashStore, ATailTooShortForARecordStaysAsItIs) {
  NorModel nor(small_flash);
  {
    Store store(nor);
    ASSERT_TRUE(store.opened.has_value());
    constexpr std::uint32_t room = 20;
    const std::string data(store.store.capacity() - room - FlashStore::record_size(4, 0), 'x');
    ASSERT_TRUE(store.set(u"A", data).has_value());
  }
  nor.cells()[small_region - 4] = std::byte{0x7F};
  const std::vector<std::byte> before = nor.cells();
  Store store(nor);
  EXPECT_TRUE(store.opened.has_value());
  EXPECT_EQ(nor.cells(), before);
}

TEST(FlashStore, RefusesALayoutThatIsNotTheFlashs) {
  NorModel nor(small_flash);
  HeapAllocator allocator;
  VariableTable table(allocator);
  for (const auto change :
       {+[](StoreLayout& layout) { layout.volume_size -= 0x1000; },
        +[](StoreLayout& layout) { layout.block_size = 0x800; },
        +[](StoreLayout& layout) { layout.spare_size = 0x3000; }, +[](StoreLayout& layout) { layout.work = 0x3000; },
        +[](StoreLayout& layout) { layout.spare = 0x4000; }}) {
    StoreLayout layout = small_layout;
    change(layout);
    EXPECT_EQ(FlashStore(allocator, nor, table, layout).open().error(), Error::invalid_argument);
  }
  EXPECT_EQ(nor.steps(), 0u);
}

}  // namespace
}  // namespace redoubt::variable
