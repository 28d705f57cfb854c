// SPDX-License-Identifier: BSD-2-Clause-Patent
// Stores that stock firmware reads, beside StockVariables, a model of how it does: what stock firmware left when it was
// interrupted, once or twice, and stores that wore out, lost parts or were damaged otherwise. Where the driver opens a
// store it finds what stock firmware finds, also after it has written and reclaimed it, and stock firmware goes on with
// that. It refuses a store only if variables in it can't be told, and then it changes nothing and claims neither Setup
// Mode nor that Secure Boot is off.
//
// REDOUBT_STOCK_STORES is the number of random stores (5,000 unless given; their numbers are their seeds), of which
// more make all else denser too.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/flash_store.hpp"
#include "drivers/variable/store/inspection.hpp"
#include "drivers/variable/store/stock_variables.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

using Variables = std::map<StockName, StockValue>;

constexpr VariableId keys[] = {
    platform_key, key_exchange_key, {image_security_database_guid, u"db"}, {image_security_database_guid, u"dbx"}};

std::size_t random_stores() {
  const char* given = std::getenv("REDOUBT_STOCK_STORES");
  return given != nullptr ? std::strtoul(given, nullptr, 10) : 5000;
}
bool is_campaign() { return random_stores() > 5000; }

StockName name_in(const abi::Guid& vendor, std::u16string_view name) {
  StockName result;
  std::memcpy(result.vendor.data(), &vendor, result.vendor.size());
  result.name = name;
  return result;
}
StockName name_of(const VariableId& id) { return name_in(id.vendor, id.name); }

StockValue value(std::uint32_t attributes, std::size_t size, std::uint32_t seed, std::uint16_t year = 0) {
  StockValue result;
  result.attributes = attributes;
  std::memcpy(result.time_stamp.data(), &year, sizeof(year));
  std::mt19937 random(seed);
  for (std::size_t count = 0; count < size; ++count) {
    result.data.push_back(static_cast<std::byte>(random()));
  }
  return result;
}

// The driver's store, from one start to the next.
class DriverStore {
 public:
  explicit DriverStore(NorModel& nor) : store_(allocator_, nor, table_, small_layout) { opened = store_.open(); }

  Result<void> set(const StockName& name, const StockValue& value) {
    abi::Guid vendor;
    std::memcpy(&vendor, name.vendor.data(), sizeof(vendor));
    abi::Time time;
    std::memcpy(&time, value.time_stamp.data(), sizeof(time));
    const VariableId id{vendor, name.name};
    return store_.write(id, value.attributes, time, value.data, table_.find(id));
  }
  // Writes `name` with all the room there is, twice, so that there's room only behind a reclaim.
  Result<StockValue> fill(const StockName& name) {
    const std::uint64_t room = store_.capacity() - store_.used();
    const std::uint64_t overhead = FlashStore::record_size((name.name.size() + 1) * 2, 0);
    if (room < overhead + 4) {
      return std::unexpected(Error::out_of_memory);
    }
    StockValue most = value(attribute::nv_bs, static_cast<std::size_t>(room - overhead), 1);
    TRY(set(name, most));
    most.data[0] ^= std::byte{1};
    TRY(set(name, most));
    return most;
  }
  Variables all() const {
    Variables found;
    for (const StockName& name : order()) {
      abi::Guid vendor;
      std::memcpy(&vendor, name.vendor.data(), sizeof(vendor));
      const Variable* variable = table_.find({vendor, name.name});
      StockValue one;
      one.attributes = variable->attributes;
      std::memcpy(one.time_stamp.data(), &variable->time_stamp, one.time_stamp.size());
      one.data.assign(variable->data().begin(), variable->data().end());
      EXPECT_TRUE(found.emplace(name, one).second);
    }
    return found;
  }

  // As GetNextVariableName lists them.
  std::vector<StockName> order() const {
    std::vector<StockName> names;
    for (const Variable* variable = table_.first_non_volatile(); variable != nullptr; variable = variable->next) {
      const Bytes name = variable->name_bytes();
      std::u16string text(name.size() / 2 - 1, u'\0');
      std::memcpy(text.data(), name.data(), text.size() * 2);
      names.push_back(name_in(variable->vendor(), text));
    }
    return names;
  }

  Result<void> opened;

 private:
  HeapAllocator allocator_;
  VariableTable table_{allocator_};
  FlashStore store_;
};

NorModel empty_store() {
  NorModel flash(small_flash);
  EXPECT_TRUE(DriverStore(flash).opened.has_value());
  return flash;
}

// What stock firmware returns for the names that records in reach have.
Variables stock_finds(Bytes volume) {
  const StockVariables stock(volume);
  Variables found;
  for (const StockRecord& record : stock.records()) {
    if (record.is_live() && stock.is_well_named(record)) {
      const StockName name = stock.name_of(record);
      if (!stock.is_unclear(name)) {
        found[name] = *stock.get(name);
      }
    }
  }
  return found;
}

std::string text_of(const Variables& variables) {
  std::string text;
  for (const auto& [name, one] : variables) {
    for (const char16_t unit : name.name) {
      text += unit < 0x7F ? static_cast<char>(unit) : '?';
    }
    text += "(" + std::to_string(one.attributes) + "," + std::to_string(one.data.size()) + ") ";
  }
  return text;
}

const StockName by_driver = name_in(vendor_b, u"ByDriver");
const StockName by_stock = name_in(vendor_b, u"ByStock");
const StockName filler = name_in(vendor_b, u"Filler");

// What is wrong with how the driver reads and writes a store that it opens; nothing if that's as it should be.
std::string compare(const NorModel& image, bool reclaims) {
  NorModel flash = image;
  Variables expected = stock_finds(flash.cells());
  NorModel as_found = image;
  const StockVariables at_start(as_found.cells());
  const auto without_unclear = [&](Variables variables) {
    std::erase_if(variables, [&](const auto& one) { return at_start.is_unclear(one.first); });
    return variables;
  };
  const auto differs = [&](const char* where, NorModel nor) {
    const Variables all = without_unclear(expected);
    const Variables by_model = without_unclear(stock_finds(nor.cells()));
    if (by_model != all) {
      return std::string(where) + ", stock firmware finds " + text_of(by_model) + "instead of " + text_of(all);
    }
    const DriverStore again(nor);
    if (!again.opened.has_value()) {
      return std::string(where) + ", the driver refuses the store";
    }
    const Variables by_driver_code = without_unclear(again.all());
    return by_driver_code == all
               ? ""
               : std::string(where) + ", the driver finds " + text_of(by_driver_code) + "instead of " + text_of(all);
  };
  std::string wrong = differs("at the start", flash);
  if (!wrong.empty()) {
    return wrong;
  }
  // Where a variable stands twice, stock firmware leaves out or repeats what is between.
  {
    DriverStore store(flash);
    if (!at_start.has_live_without_sense() && !at_start.has_live_twice() && store.order() != at_start.list()) {
      return "the driver lists names in another order";
    }
    const StockValue written = value(attribute::nv_bs_rt, 50, 2);
    const Result<void> result = store.set(by_driver, written);
    if (result.has_value()) {
      expected[by_driver] = written;
    } else if (result.error() != Error::out_of_memory) {
      return "the driver can't write";
    }
  }
  wrong = differs("after a write of the driver", flash);
  if (!wrong.empty()) {
    return wrong;
  }
  if (reclaims) {
    NorModel full = flash;
    DriverStore store(full);
    const Result<StockValue> filled = store.fill(filler);
    if (filled.has_value()) {
      const Variables before = expected;
      expected[filler] = *filled;
      wrong = differs("after a reclaim of the driver", full);
      expected = before;
    } else if (filled.error() != Error::out_of_memory) {
      return "the driver can't reclaim";
    }
    if (!wrong.empty()) {
      return wrong;
    }
  }
  StockVariableWriter stock(flash, small_layout);
  const StockValue written = value(attribute::nv_bs_rt, 20, 3);
  if (!stock.start() || !stock.set(by_stock, written)) {
    return "stock firmware can't write";
  }
  if (StockVariables(flash.cells()).get(by_stock).has_value()) {
    expected[by_stock] = written;  // else there was no room
  }
  return differs("after a write of stock firmware", flash);
}

// Three variables in stock firmware's hands: new, replaced by longer and shorter values, deleted, and made again.
struct Operation {
  StockName name;
  StockValue value;  // without data: deletes it
};
std::vector<Operation> three_variables() {
  const StockName a = name_in(vendor_a, u"A");
  const StockName beta = name_in(vendor_a, u"Beta");
  const StockName gamma = name_in(vendor_b, u"Gamma");
  return {{a, value(attribute::nv_bs_rt, 5, 1)},
          {beta, value(attribute::nv_bs_rt_at, 30, 2, 2001)},
          {gamma, value(attribute::nv_bs, 1, 3)},
          {a, value(attribute::nv_bs_rt, 12, 4)},
          {beta, {}},
          {gamma, value(attribute::nv_bs, 21, 5)},
          {beta, value(attribute::nv_bs_rt_at, 9, 6, 2002)},
          {a, value(attribute::nv_bs_rt, 3, 7)},
          {gamma, {}},
          {a, value(attribute::nv_bs_rt, 7, 8)}};
}
bool perform(StockVariableWriter& stock, const Operation& operation) {
  return operation.value.data.empty() ? stock.remove(operation.name) : stock.set(operation.name, operation.value);
}
// Behind the start.
std::uint64_t steps_of(const NorModel& image, const std::vector<Operation>& operations) {
  NorModel flash = image;
  StockVariableWriter stock(flash, small_layout);
  EXPECT_TRUE(stock.start());
  const std::uint64_t started = flash.steps();
  for (const Operation& operation : operations) {
    EXPECT_TRUE(perform(stock, operation));
  }
  return flash.steps() - started;
}
// What is left if power fails at that step; how many operations came to their end.
std::size_t interrupt(NorModel& flash, const std::vector<Operation>& operations, std::uint64_t step,
                      std::uint32_t seed) {
  std::size_t done = 0;
  StockVariableWriter stock(flash, small_layout);
  if (stock.start()) {
    flash.cut_power_at(step, seed);
    while (done < operations.size() && perform(stock, operations[done])) {
      ++done;
    }
  }
  flash.power_up();
  return done;
}

// Each step is the last one: of bytes programmed in order, the one at which power fails not at all or in some bits.
TEST(StockStores, WhatStockFirmwareLeavesAtEveryStepIsFoundAlike) {
  const NorModel origin = empty_store();
  const std::vector<Operation> operations = three_variables();
  const std::uint64_t steps = steps_of(origin, operations);
  ASSERT_GT(steps, 600u);
  std::size_t torn = 0;
  std::size_t wrong = 0;
  for (std::uint64_t step = 0; step <= steps; ++step) {
    for (std::uint32_t seed = 0; seed < 2; ++seed) {
      NorModel flash = origin;
      interrupt(flash, operations, step, seed + static_cast<std::uint32_t>(2 * step));
      const std::string at_once = compare(flash, seed == 0);
      EXPECT_TRUE(at_once.empty() || ++wrong > 3) << "step " << step << ": " << at_once;
      // The next start of stock firmware goes on behind what is left.
      StockVariableWriter stock(flash, small_layout);
      ASSERT_TRUE(stock.start());
      ASSERT_TRUE(stock.set(name_in(vendor_b, u"Later"), value(attribute::nv_bs_rt, 17, 9)));
      torn += StockVariables(flash.cells()).has_torn_header() ? 1 : 0;
      const std::string later = compare(flash, seed == 1);
      EXPECT_TRUE(later.empty() || ++wrong > 3) << "step " << step << " and a further variable: " << later;
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(torn, 500u);
}

// Stock firmware is interrupted, goes on with what it wanted to write and with another value of the same variable, and
// is interrupted again. Where the first one left a variable twice, at every step.
TEST(StockStores, WhatTwoInterruptionsLeaveIsFoundAlike) {
  const NorModel origin = empty_store();
  const std::vector<Operation> operations = three_variables();
  const std::uint64_t steps = steps_of(origin, operations);
  const std::uint64_t first_stride = is_campaign() ? 1 : 7;
  const std::uint64_t second_stride = is_campaign() ? 1 : 13;
  std::size_t replaced_twice = 0;
  std::size_t wrong = 0;
  for (std::uint64_t first = 0; first < steps; ++first) {
    NorModel once = origin;
    const std::size_t done = interrupt(once, operations, first, static_cast<std::uint32_t>(first));
    std::vector<Operation> rest{operations[done], operations[done]};
    rest[1].value = value(attribute::nv_bs_rt, 15, 10);
    const bool is_twice = stock_classes[stock_class_of(once.cells())].name == std::string("live_twice");
    if (first % first_stride != 0 && !is_twice) {
      continue;
    }
    std::uint64_t second = is_twice ? 0 : first % second_stride;
    const std::uint64_t stride = is_twice ? 1 : second_stride;
    const std::uint64_t more = steps_of(once, rest);
    for (; second < more; second += stride) {
      NorModel twice = once;
      interrupt(twice, rest, second, static_cast<std::uint32_t>(second));
      const StockVariables stock(twice.cells());
      std::map<StockName, int> replaced;
      for (const StockRecord& record : stock.records()) {
        replaced_twice += record.state == 0x3E && ++replaced[stock.name_of(record)] == 2 ? 1 : 0;
      }
      const std::string difference = compare(twice, second % 5 == 0);
      EXPECT_TRUE(difference.empty() || ++wrong > 3) << "steps " << first << " and " << second << ": " << difference;
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(replaced_twice, 10u);
}

// The driver is interrupted when it replaces a variable, and the next start is one of stock firmware, which goes on
// behind what it finds.
TEST(StockStores, StockFirmwareGoesOnBehindWhatTheDriverLeaves) {
  NorModel origin = empty_store();
  const StockName name = name_in(vendor_a, u"Replaced");
  const StockValue old_value = value(attribute::nv_bs_rt, 9, 1);
  const StockValue new_value = value(attribute::nv_bs_rt, 14, 2);
  ASSERT_TRUE(DriverStore(origin).set(name, old_value).has_value());
  std::size_t wrong = 0;
  std::size_t torn = 0;
  bool is_whole = false;
  for (std::uint64_t step = 0; !is_whole; ++step) {
    for (std::uint32_t seed = 0; seed < 8; ++seed) {
      NorModel flash = origin;
      {
        DriverStore store(flash);
        flash.cut_power_at(step, seed + static_cast<std::uint32_t>(8 * step));
        static_cast<void>(store.set(name, new_value));
      }
      is_whole = flash.powered();
      flash.power_up();
      std::string difference = compare(flash, seed == 0);
      EXPECT_TRUE(difference.empty() || ++wrong > 3) << "step " << step << ": " << difference;
      StockVariableWriter stock(flash, small_layout);
      ASSERT_TRUE(stock.start());
      ASSERT_TRUE(stock.set(name_in(vendor_b, u"Later"), value(attribute::nv_bs_rt, 17, 9)));
      const StockVariables found(flash.cells());
      torn += found.has_torn_header() ? 1 : 0;
      const std::optional<StockValue> now = found.get(name);
      EXPECT_TRUE(now == old_value || now == new_value) << step;
      difference = compare(flash, seed == 0);
      EXPECT_TRUE(difference.empty() || ++wrong > 3) << "step " << step << " and a further variable: " << difference;
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(torn, 20u);
}

// A random store: what stock firmware wrote, with interruptions, and what happened to it then.
class RandomStore {
 public:
  explicit RandomStore(std::uint32_t seed) : random_(seed) {
    static const NorModel origin = empty_store();
    flash = origin;
    write();
    const std::uint32_t kind = random_() % 10;
    const int damages = kind < 2 ? 0 : kind < 7 ? 1 : kind < 9 ? 2 : 3;
    for (int count = 0; count < damages; ++count) {
      damage();
    }
  }

  NorModel flash{0};

 private:
  std::uint32_t below(std::uint64_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  StockValue any_value(std::uint32_t attributes, std::uint32_t most, std::uint16_t year = 0) {
    const std::uint32_t size = 1 + below(most);
    return value(attributes, size, below(1000), year);
  }

  Operation operation() {
    const std::uint32_t chosen = below(16);
    if (chosen < 4) {
      const auto year = static_cast<std::uint16_t>(2000 + below(30));
      return {name_of(keys[chosen]), any_value(attribute::nv_bs_rt_at, 120, year)};
    }
    Operation one{name_in(chosen % 2 == 0 ? vendor_a : vendor_b,
                          std::u16string(1 + chosen % 7, static_cast<char16_t>(u'A' + chosen))),
                  any_value(chosen % 3 == 0 ? attribute::nv_bs : attribute::nv_bs_rt, 250)};
    if (below(4) == 0) {
      one.value.data.clear();
    }
    return one;
  }

  void write() {
    auto stock = std::make_unique<StockVariableWriter>(flash, small_layout);
    EXPECT_TRUE(stock->start());
    bool is_interrupted = false;
    for (std::uint32_t count = 4 + below(40); count != 0; --count) {
      if (is_interrupted) {
        stock = std::make_unique<StockVariableWriter>(flash, small_layout);
        EXPECT_TRUE(stock->start());
        is_interrupted = false;
      }
      if (below(12) == 0) {
        const std::uint32_t step = below(150);
        flash.cut_power_at(step, below(UINT32_MAX));
      }
      perform(*stock, operation());
      is_interrupted = !flash.powered();
      flash.power_up();
    }
    // What is in the spare area is another matter.
    if (is_interrupted && !StockReader(flash.cells(), small_layout).start().empty()) {
      EXPECT_TRUE(StockVariableWriter(flash, small_layout).start());
    }
  }

  void damage() {
    std::vector<std::byte>& cells = flash.cells();
    const StockVariables stock(cells);
    const std::vector<StockRecord>& records = stock.records();
    if (records.empty()) {
      return;
    }
    const StockRecord& record = records[below(records.size())];
    const std::uint64_t place = record.offset;
    switch (below(6)) {
      case 0: {  // bits that are stuck, mostly cleared, in the header or the name
        static constexpr std::uint8_t fields[] = {0, 1, 2, 4, 4, 5, 36, 36, 37, 40, 40, 41, 42, 44, 60, 61, 62};
        const std::uint64_t cell = place + fields[below(std::size(fields))];
        const auto bits = static_cast<std::byte>(1U << below(8) | (below(3) == 0 ? below(256) : 0));
        cells[cell] = below(4) == 0 ? cells[cell] | bits : cells[cell] & ~bits;
        break;
      }
      case 1: {  // a hole
        const std::uint64_t first = records[0].offset + below(std::min(stock.free_space(), stock.end()) - 100);
        const std::uint64_t last = std::min<std::uint64_t>(first + 1 + below(300), stock.end());
        const std::uint32_t kind = below(3);
        for (std::uint64_t cell = first; cell < last; ++cell) {
          cells[cell] = kind == 0 ? std::byte{0xFF} : kind == 1 ? std::byte{0} : static_cast<std::byte>(random_());
        }
        break;
      }
      case 2: {  // a state
        static constexpr std::uint8_t states[] = {0xFF, 0x7F, 0x3F, 0x3E, 0x3D, 0x3C, 0x7E, 0x7D, 0x1F, 0x00, 0xBF};
        cells[place + 2] = static_cast<std::byte>(states[below(std::size(states))]);
        break;
      }
      case 3: {  // a record twice
        const std::uint64_t size = record.next - place;
        if (record.next <= stock.end() && stock.free_space() + size <= stock.end()) {
          const std::vector<std::byte> copy(cells.begin() + static_cast<std::ptrdiff_t>(place),
                                            cells.begin() + static_cast<std::ptrdiff_t>(record.next));
          std::copy(copy.begin(), copy.end(), cells.begin() + static_cast<std::ptrdiff_t>(stock.free_space()));
          cells[stock.free_space() + 2] = below(2) == 0 ? std::byte{0x3F} : std::byte{0x3E};
        }
        break;
      }
      case 4: {  // sizes
        const std::uint32_t old = load<std::uint32_t>(cells, place + 40);
        const std::uint32_t sizes[] = {0,          1,       2,       below(100), below(0x4000), below(UINT32_MAX),
                                       UINT32_MAX, old - 1, old + 1, old + 4,    old & ~1U,     old + 60};
        const std::uint32_t size = sizes[below(std::size(sizes))];
        std::memcpy(cells.data() + place + (below(3) == 0 ? 36 : 40), &size, sizeof(size));
        break;
      }
      default: {  // a header that was interrupted, and what came after it
        Operation unfinished = operation();
        unfinished.value = value(attribute::nv_bs_rt, 10, 1);
        NorModel before = flash;
        StockVariableWriter stock_writer(flash, small_layout);
        if (stock_writer.start()) {
          const std::uint32_t step = 1 + below(62);
          flash.cut_power_at(step, below(UINT32_MAX));
          stock_writer.set(unfinished.name, unfinished.value);
          flash.power_up();
        }
        if (!StockReader(flash.cells(), small_layout).start().empty()) {
          flash = before;
          return;
        }
        StockVariableWriter next(flash, small_layout);
        EXPECT_TRUE(next.start());
        perform(next, operation());
      }
    }
  }

  std::mt19937 random_;
};

enum class Verdict : std::uint8_t { agrees, refuses, wrong };

// A store that the driver refuses stays as it is, and no caller is told that Secure Boot is off or keys may be set. If
// all four keys are in reach they are served.
std::string check_refusal(const NorModel& image) {
  Machine machine(image, small_layout);
  NorModel as_found = image;
  if (machine.started.has_value() || machine.flash.cells() != as_found.cells()) {
    return "a refused store is changed";
  }
  const Machine::Value setup = machine.get(setup_mode.name, setup_mode.vendor);
  const Machine::Value secure = machine.get(secure_boot.name, secure_boot.vendor);
  if (setup.data != std::string(1, '\0') || secure.data != std::string(1, '\1')) {
    return "SetupMode or SecureBoot is wrong for a refused store";
  }
  const StockVariables stock(machine.flash.cells());
  const bool has_all_keys = std::all_of(std::begin(keys), std::end(keys), [&stock](const VariableId& key) {
    const StockRecord* record = stock.find(name_of(key));
    return record != nullptr && record->state == 0x3F && record->next <= stock.end() &&
           !stock.is_unclear(name_of(key)) && record->attributes == attribute::nv_bs_rt_at;
  });
  for (const VariableId& key : keys) {
    const Machine::Value served = machine.get(key.name, key.vendor);
    const std::optional<StockValue> found = stock.get(name_of(key));
    if (served.status == abi::status::success &&
        (!found.has_value() || bytes(served.data) != found->data || served.attributes != found->attributes)) {
      return "a key of a refused store isn't stock firmware's";
    }
    if (served.status != abi::status::success && has_all_keys) {
      return "a refused store's keys aren't served, and all are there";
    }
  }
  if (machine.set(u"New", attribute::nv_bs, "new") == abi::status::success) {
    return "a refused store is written";
  }
  bool is_named = false;
  for (const Finding& finding : inspect(machine.flash.cells(), small_layout)) {
    is_named = is_named || finding.severity == Severity::damage;
  }
  return is_named ? "" : "the inspection has nothing to say about a refused store";
}

// Of an open store: a machine that starts with it has no fewer keys than stock firmware.
std::string check_keys(const NorModel& image) {
  Machine machine(image, small_layout);
  NorModel as_found = image;
  const StockVariables stock(as_found.cells());
  for (const VariableId& key : keys) {
    const StockRecord* found = stock.find(name_of(key));
    if (found == nullptr) {
      continue;
    }
    const Machine::Value served = machine.get(key.name, key.vendor);
    if (served.status != abi::status::success) {
      return "a key of stock firmware's is missing";
    }
    if (stock.is_well_named(*found) && bytes(served.data) != stock.value_of(*found).data) {
      return "a key isn't stock firmware's";
    }
    if (key == platform_key && machine.get(setup_mode.name, setup_mode.vendor).data != std::string(1, '\0')) {
      return "Setup Mode, and stock firmware has a platform key";
    }
  }
  return "";
}

TEST(StockStores, RandomStoresAreFoundAlikeOrRefused) {
  std::size_t counts[std::size(stock_classes)][3] = {};
  const std::size_t count = random_stores();
  for (std::uint32_t seed = 0; seed < count; ++seed) {
    RandomStore store(seed);
    const std::size_t index = stock_class_of(store.flash.cells());
    const StockClass& row = stock_classes[index];
    NorModel flash = store.flash;
    const bool opens = DriverStore(flash).opened.has_value();
    std::string wrong;
    if (!opens) {
      wrong = row.may_refuse ? check_refusal(store.flash) : "the driver refuses a store in which all can be told";
    } else if (!row.may_open) {
      wrong = "the driver opens a store in which live records can't be told";
    } else {
      wrong = check_keys(store.flash);
      wrong = wrong.empty() ? compare(store.flash, seed % 4 == 0) : wrong;
    }
    const Verdict verdict = !wrong.empty() ? Verdict::wrong : opens ? Verdict::agrees : Verdict::refuses;
    ++counts[index][static_cast<std::size_t>(verdict)];
    EXPECT_TRUE(wrong.empty() || counts[index][static_cast<std::size_t>(Verdict::wrong)] > 3)
        << "store " << seed << ", " << row.name << ": " << wrong;
  }
  std::size_t all_wrong = 0;
  std::printf("stock_stores=%zu", count);
  for (std::size_t index = 0; index < std::size(stock_classes); ++index) {
    const auto& [alike, refused, wrong] = counts[index];
    all_wrong += wrong;
    std::printf(" %s=%zu/%zu/%zu", stock_classes[index].name, alike, refused, wrong);
  }
  std::printf(" (alike/refused/wrong)\n");
  EXPECT_EQ(all_wrong, 0u);
}

}  // namespace
}  // namespace redoubt::variable
