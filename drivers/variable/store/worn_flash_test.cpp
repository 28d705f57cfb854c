// SPDX-License-Identifier: BSD-2-Clause-Patent
// Flash that wears out, and blocks that go bad: what step is the first to fail, it fails for ever. Every variable keeps
// its old or new value, over restarts too, whether or not anything can be written any more.
#include <gtest/gtest.h>

#include "drivers/variable/store/fault_tolerant_write.hpp"
#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/inspection.hpp"
#include "drivers/variable/store/started_store.hpp"
#include "drivers/variable/store/stock_writer.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
using Wear = NorModel::Wear;
using Defect = NorModel::Defect;

using Store = StartedStore;
using Variables = Store::Values;

const std::string old_value(700, 'o');
const std::string new_value(900, 'n');

// A store that is nearly full, much of it deleted, and the operation that is done to it.
struct Scene {
  Scene() {
    Store store(flash);
    EXPECT_TRUE(store.set(u"First", "first").has_value());
    for (int round = 0; round < 15; ++round) {
      EXPECT_TRUE(store.set(u"Other", std::string(600 + static_cast<std::size_t>(round), 'x')).has_value());
    }
    EXPECT_TRUE(store.set(u"Victim", old_value).has_value());
    EXPECT_TRUE(store.set(u"Last", "last").has_value());
    before = store.all();
  }

  NorModel flash{small_flash};
  Variables before;
};

// The steps of `work` on a copy of `flash`.
template <typename Work>
std::uint64_t steps_of(NorModel flash, Work work) {
  const std::uint64_t start = flash.steps();
  work(flash);
  return flash.steps() - start;
}

struct Seen {
  std::size_t old_values = 0;
  std::size_t new_values = 0;
  std::size_t writable = 0;
  std::size_t read_only = 0;

  Seen& operator+=(const Seen& others) {
    old_values += others.old_values;
    new_values += others.new_values;
    writable += others.writable;
    read_only += others.read_only;
    return *this;
  }
};

// Opens what is left several times, on flash that is worn now: it has the old or the new values each time, the same
// ones each time, and what is written afterwards stays if the write succeeded.
void expect_old_or_new(NorModel& flash, const Variables& old_values, const Variables& new_values, Seen& seen) {
  Variables expected;
  {
    const Store store(flash);
    ASSERT_TRUE(store.opened.has_value());
    expected = store.all();
    ASSERT_TRUE(expected == old_values || expected == new_values);
    ++(expected == new_values ? seen.new_values : seen.old_values);
  }
  for (int round = 0; round < 3; ++round) {
    Store store(flash);
    ASSERT_TRUE(store.opened.has_value());
    ASSERT_EQ(store.all(), expected) << round;
    const std::string value = "written in round " + std::to_string(round);
    const Result<void> written = store.set(round == 1 ? u"Victim" : u"Fresh", value);
    if (written.has_value()) {
      expected[round == 1 ? u"Victim" : u"Fresh"] = value;
      ++seen.writable;
    } else {
      ASSERT_EQ(written.error(), Error::device);
      ++seen.read_only;
    }
    ASSERT_EQ(store.all(), expected) << round;
    if (store.table.find({vendor_a, u"Fresh"}) != nullptr && round == 2 && store.remove(u"Fresh").has_value()) {
      expected.erase(u"Fresh");
    }
    ASSERT_EQ(store.all(), expected) << round;
  }
  const Store store(flash);
  ASSERT_TRUE(store.opened.has_value());
  ASSERT_EQ(store.all(), expected);
}

// `work` changes the old values to the new ones, and flash wears at one of its steps.
template <typename Work>
Seen wear_everywhere(const NorModel& flash, const Variables& old_values, const Variables& new_values,
                     std::uint64_t stride, Work work) {
  Seen seen;
  const std::uint64_t steps = steps_of(flash, work);
  for (std::uint64_t step = 0; step < steps; step += step < 100 || step + 100 > steps ? 1 : stride) {
    for (const Wear wear : {Wear::reported, Wear::silent}) {
      NorModel worn = flash;
      worn.wear_at(step, wear, static_cast<std::uint32_t>(step));
      work(worn);
      expect_old_or_new(worn, old_values, new_values, seen);
      if (testing::Test::HasFatalFailure()) {
        ADD_FAILURE() << "step " << step << " of " << steps << (wear == Wear::silent ? ", silent" : ", reported");
        return seen;
      }
    }
  }
  return seen;
}

// The same with each block bad from a step on, which is told or not.
template <typename Work>
Seen break_everywhere(const NorModel& flash, const Variables& old_values, const Variables& new_values, Defect defect,
                      std::uint64_t stride, Work work) {
  Seen seen;
  const std::uint64_t steps = steps_of(flash, work);
  for (std::uint32_t block = 0; block < small_flash; block += small_layout.block_size) {
    // Not the same steps for each block, but the last ones, where states change, for all.
    std::uint64_t step = steps > 8 ? block / small_layout.block_size : 0;
    while (step < steps) {
      NorModel bad = flash;
      bad.break_block(block, defect, step, 0);
      work(bad);
      expect_old_or_new(bad, old_values, new_values, seen);
      if (testing::Test::HasFatalFailure()) {
        ADD_FAILURE() << "block " << block << ", step " << step << " of " << steps << ", defect "
                      << static_cast<int>(defect);
        return seen;
      }
      step += step + 8 > steps ? 1 : stride;
    }
  }
  return seen;
}

constexpr Defect silent_and_reported[] = {Defect::program_fails, Defect::erase_fails, Defect::program_ignored,
                                          Defect::erase_ignored};

TEST(WornFlash, AnAppendedRecordGoesToTheNextPlace) {
  NorModel flash(small_flash);
  {
    Store store(flash);
    ASSERT_TRUE(store.set(u"First", "first").has_value());
    ASSERT_TRUE(store.set(u"Victim", old_value).has_value());
  }
  const Variables old_values{{u"First", "first"}, {u"Victim", old_value}};
  Variables new_values = old_values;
  new_values[u"Victim"] = new_value;
  const std::uint64_t steps = steps_of(flash, [](NorModel& nor) { EXPECT_TRUE(Store(nor).set(u"Victim", new_value)); });
  for (std::uint64_t step = 0; step < steps; ++step) {
    for (const Wear wear : {Wear::reported, Wear::silent}) {
      NorModel worn = flash;
      Store store(worn);
      worn.wear_at(step, wear, static_cast<std::uint32_t>(step));
      ASSERT_TRUE(store.set(u"Victim", new_value).has_value()) << step;
      ASSERT_EQ(store.all(), new_values) << step;
      Seen seen;
      ASSERT_NO_FATAL_FAILURE(expect_old_or_new(worn, new_values, new_values, seen)) << step;
      // What leads to the next record can't be passed over where it is worn: that takes a reclaim.
      const bool leads_on =
          step <= offsetof(format::RecordHeader, state) ||
          (step >= offsetof(format::RecordHeader, name_size) && step < offsetof(format::RecordHeader, vendor));
      EXPECT_TRUE(leads_on || seen.read_only == 0) << step;
    }
  }
}

TEST(WornFlash, ADeletionIsOneOrAnError) {
  const Scene scene;
  Variables new_values = scene.before;
  new_values.erase(u"Victim");
  const auto work = [](NorModel& nor) {
    Store store(nor);
    const Result<void> removed = store.remove(u"Victim");
    EXPECT_EQ(store.all().contains(u"Victim"), !removed.has_value());
  };
  const Seen seen = wear_everywhere(scene.flash, scene.before, new_values, 11, work);
  EXPECT_GT(seen.new_values, 0u);
}

TEST(WornFlash, AReclaimLosesNothing) {
  const Scene scene;
  Variables new_values = scene.before;
  new_values[u"Victim"] = std::string(6000, 'n');
  const auto work = [&](NorModel& nor) {
    Store store(nor);
    const Result<void> written = store.set(u"Victim", new_values[u"Victim"]);
    EXPECT_EQ(store.all(), written.has_value() ? new_values : scene.before);
  };
  const Seen seen = wear_everywhere(scene.flash, scene.before, new_values, 71, work);
  EXPECT_GT(seen.old_values, 100u);
  EXPECT_GT(seen.new_values, 100u);
  EXPECT_GT(seen.writable, 100u);
  EXPECT_GT(seen.read_only, 100u);
}

// Power fails, and the recovery meets flash that is worn.
TEST(WornFlash, ARecoveryLosesNothing) {
  const Scene scene;
  Variables new_values = scene.before;
  Seen sum;
  for (const std::size_t size : {std::size_t{100}, std::size_t{6000}}) {
    new_values[u"Victim"] = std::string(size, 'n');
    const auto work = [&](NorModel& nor) { static_cast<void>(Store(nor).set(u"Victim", new_values[u"Victim"])); };
    const std::uint64_t steps = steps_of(scene.flash, work);
    for (std::uint64_t cut = 0; cut < 14; ++cut) {
      // More of them where states change: at the end.
      const std::uint64_t from_end = cut < 6 ? cut : (cut - 6) * (cut - 6) * steps / 64;
      NorModel left = scene.flash;
      left.cut_power_at(steps - 1 - from_end, static_cast<std::uint32_t>(cut));
      work(left);
      ASSERT_FALSE(left.powered());
      left.power_up();
      const auto recover = [](NorModel& nor) { static_cast<void>(Store(nor)); };
      const Seen seen = wear_everywhere(left, scene.before, new_values, size == 100 ? 11 : 1531, recover);
      if (testing::Test::HasFatalFailure()) {
        FAIL() << "cut " << cut << ", size " << size;
      }
      sum += seen;
    }
  }
  EXPECT_GT(sum.old_values, 100u);
  EXPECT_GT(sum.new_values, 100u);
  EXPECT_GT(sum.writable, 100u);
  EXPECT_GT(sum.read_only, 100u);
}

TEST(BadBlock, AnOperationIsDoneOrAnError) {
  const Scene scene;
  struct Change {
    std::size_t size;  // of the new value; none is a deletion
    std::uint64_t stride;
  };
  for (const Defect defect : silent_and_reported) {
    const bool programs = defect == Defect::program_fails || defect == Defect::program_ignored;
    for (const Change& change : {Change{0, 1}, Change{900, 53}, Change{6000, 499}}) {
      Variables new_values = scene.before;
      new_values.erase(u"Victim");
      if (change.size != 0) {
        new_values[u"Victim"] = std::string(change.size, 'n');
      }
      std::size_t done = 0;
      std::size_t refused = 0;
      const auto work = [&](NorModel& nor) {
        Store store(nor);
        const Result<void> changed =
            change.size == 0 ? store.remove(u"Victim") : store.set(u"Victim", new_values[u"Victim"]);
        ++(changed.has_value() ? done : refused);
        EXPECT_EQ(store.all(), changed.has_value() ? new_values : scene.before);
      };
      const Seen seen = break_everywhere(scene.flash, scene.before, new_values, defect, change.stride, work);
      ASSERT_FALSE(HasFatalFailure());
      const std::string where =
          std::to_string(change.size) + " bytes, defect " + std::to_string(static_cast<int>(defect));
      const bool is_reclaim = change.size == 6000;
      // What an append and a deletion need can be had elsewhere, and they erase nothing.
      EXPECT_EQ(seen.old_values > 10, is_reclaim && programs) << where;
      EXPECT_EQ(refused > 10, is_reclaim && programs) << where;
      EXPECT_GT(seen.new_values, change.size == 0 ? 8u : 100u) << where;
      EXPECT_GE(done, seen.new_values) << where;
      EXPECT_GT(seen.writable, change.size == 0 ? 20u : 200u) << where;
      EXPECT_EQ(seen.read_only > 30, is_reclaim) << where << " " << seen.read_only;
    }
  }
}

// Power fails, and the recovery meets a block that is bad.
TEST(BadBlock, ARecoveryLosesNothing) {
  const Scene scene;
  for (const Defect defect : silent_and_reported) {
    Seen sum;
    for (const std::size_t size : {std::size_t{100}, std::size_t{6000}}) {
      Variables new_values = scene.before;
      new_values[u"Victim"] = std::string(size, 'n');
      const auto work = [&](NorModel& nor) { static_cast<void>(Store(nor).set(u"Victim", new_values[u"Victim"])); };
      const std::uint64_t steps = steps_of(scene.flash, work);
      for (std::uint64_t cut = 0; cut < 10; ++cut) {
        NorModel left = scene.flash;
        const auto landing = cut % 2 == 0 ? NorModel::Landing::one_by_one : NorModel::Landing::any_subset;
        left.cut_power_at(steps - 1 - cut * cut * steps / 100, static_cast<std::uint32_t>(cut), landing);
        work(left);
        ASSERT_FALSE(left.powered());
        left.power_up();
        const auto recover = [](NorModel& nor) { static_cast<void>(Store(nor)); };
        sum += break_everywhere(left, scene.before, new_values, defect, 1201, recover);
        ASSERT_FALSE(HasFatalFailure()) << "cut " << cut << ", size " << size;
      }
    }
    EXPECT_GT(sum.old_values, 20u);
    EXPECT_GT(sum.new_values, 50u);
    EXPECT_GT(sum.writable, 100u);
    EXPECT_GT(sum.read_only, 20u);
  }
}

// Bits that read wrong from before the start on: what is written is right, elsewhere if need be, or refused.
TEST(BadBlock, WhatReadsWrongIsNotAcknowledged) {
  const Scene scene;
  std::size_t done = 0;
  std::size_t refused = 0;
  std::size_t at_once = 0;
  for (std::uint32_t block = 0; block < small_flash; block += small_layout.block_size) {
    for (std::uint32_t seed = 0; seed < 12; ++seed) {
      NorModel bad = scene.flash;
      bad.break_block(block, Defect::reads_wrong, 0, seed);
      {
        const NorModel untouched = bad;
        Store store(bad);
        if (!store.opened.has_value() || store.all() != scene.before) {
          ++at_once;  // a record that was there before has gone bad
          continue;
        }
        bad = untouched;
      }
      for (const std::size_t size : {std::size_t{900}, std::size_t{6000}}) {
        NorModel nor = bad;
        Variables new_values = scene.before;
        new_values[u"Victim"] = std::string(size, 'n');
        bool succeeded = false;
        {
          Store store(nor);
          succeeded = store.set(u"Victim", new_values[u"Victim"]).has_value();
          ASSERT_EQ(store.all(), succeeded ? new_values : scene.before) << block << " " << seed;
        }
        ++(succeeded ? done : refused);
        Seen seen;
        const Variables& expected = succeeded ? new_values : scene.before;
        ASSERT_NO_FATAL_FAILURE(expect_old_or_new(nor, expected, expected, seen)) << block << " " << seed;
      }
    }
  }
  EXPECT_GT(done, 100u);
  EXPECT_GT(refused, 10u);
  EXPECT_GT(at_once, 5u);
  EXPECT_LT(at_once, 30u);
}

// A block that a reclaim doesn't need any more can't be erased, and has records from before: power that fails before
// they are covered closes no store in which nothing is missing.
TEST(BadBlock, RecordsLeftBehindTheStoreAreNoDamage) {
  NorModel flash(small_flash);
  Variables expected;
  {
    Store store(flash);
    for (const char16_t letter : std::u16string_view(u"ABCDEF")) {
      const std::u16string name(1, letter);
      expected[name] = std::string(2500, static_cast<char>(letter));
      ASSERT_TRUE(store.set(name, expected[name]).has_value());
    }
    for (const std::u16string_view name : {u"A", u"B"}) {
      ASSERT_TRUE(store.remove(name).has_value());
      expected.erase(std::u16string(name));
    }
  }
  flash.break_block(0x3000, Defect::erase_fails, 0, 0);
  const auto reclaim = [](NorModel& nor) { EXPECT_TRUE(Store(nor).store.make_room(small_region).has_value()); };
  const std::uint64_t steps = steps_of(flash, reclaim);
  ASSERT_GT(steps, 4096u);
  for (std::uint64_t step = steps - 100; step < steps; ++step) {
    NorModel left = flash;
    left.cut_power_at(step, static_cast<std::uint32_t>(step));
    {
      Store store(left);
      static_cast<void>(store.store.make_room(small_region));
    }
    left.power_up();
    const Store store(left);
    ASSERT_TRUE(store.opened.has_value()) << "step " << step << " of " << steps;
    ASSERT_EQ(store.all(), expected) << "step " << step << " of " << steps;
  }
}

// Cells behind the last record that can't be erased any more are passed over without a reclaim.
TEST(WornFlash, CellsBehindTheLastRecordAreAvoided) {
  Scene scene;
  Variables expected = scene.before;
  for (const std::uint32_t distance : {0u, 2u, 3u, 37u, 59u, 60u, 61u, 500u, 2000u}) {
    NorModel flash = scene.flash;
    std::uint32_t end = small_region;
    while (flash.cells()[end - 1] == std::byte{0xFF}) {
      --end;
    }
    const std::uint32_t tail = (end + 3) & ~3u;
    flash.cells()[tail + distance] &= std::byte{0xBF};
    const std::uint64_t start = flash.steps();
    {
      Store store(flash);
      ASSERT_TRUE(store.opened.has_value());
      ASSERT_TRUE(store.set(u"Fresh", "fresh").has_value());
    }
    EXPECT_LT(flash.steps() - start, 400u) << distance;
    EXPECT_TRUE(inspect(flash.cells(), small_layout).empty()) << distance;
    expected[u"Fresh"] = "fresh";
    EXPECT_EQ(Store(flash).all(), expected) << distance;
  }
}

// The services above such a store: keys are enforced, all is read, and writes say what's the matter.
TEST(WornFlash, VariablesOfAStoreThatCannotBeCompletedAreServed) {
  NorModel flash(small_flash);
  {
    Store store(flash);
    const auto set = [&](const VariableId& id, std::uint32_t attributes, std::string_view data) {
      EXPECT_TRUE(store.store.write(id, attributes, {}, std::as_bytes(std::span(data)), nullptr).has_value());
    };
    set(platform_key, attribute::nv_bs_rt_at, "a key");
    // What firmware states, stated by other software; it can't be deleted.
    set({global_variable_guid, u"SetupMode"}, attribute::nv_bs_rt, "\7");
    set({vendor_a, u"Ordinary"}, attribute::nv_bs_rt, "ordinary");
    for (int round = 0; round < 16; ++round) {
      ASSERT_TRUE(store.set(u"Last", std::string(600 + static_cast<std::size_t>(round), 'x')).has_value());
    }
    const auto reclaim = [&] { return store.set(u"Last", std::string(6000, 'l')); };
    NorModel whole = flash;
    const std::uint64_t steps = steps_of(whole, [](NorModel& nor) {
      Store other(nor);
      EXPECT_TRUE(other.set(u"Last", std::string(6000, 'l')).has_value());
    });
    flash.cut_power_at(steps - 100, 0);
    ASSERT_TRUE(reclaim().has_value());
    ASSERT_FALSE(flash.powered());
  }
  flash.power_up();
  std::size_t read_only = 0;
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    NorModel worn = flash;
    worn.wear_at(seed, Wear::reported, seed);
    Machine machine(std::move(worn), small_layout);
    for (int start = 0; start < 3; ++start) {
      ASSERT_TRUE(machine.started.has_value());
      EXPECT_EQ(machine.get(u"SetupMode", global_variable_guid).data, std::string(1, '\0'));
      EXPECT_EQ(machine.get(u"SecureBoot", global_variable_guid).data, std::string(1, '\1'));
      EXPECT_EQ(machine.get(u"Ordinary").data, "ordinary");
      EXPECT_EQ(machine.get(u"Last").data, std::string(6000, 'l'));
      const abi::EfiStatus status = machine.set(u"Fresh", attribute::nv_bs, "fresh");
      EXPECT_TRUE(status == abi::status::device_error || status == abi::status::success);
      if (status == abi::status::device_error) {
        ++read_only;
        EXPECT_EQ(machine.set(u"Ordinary", 0, ""), abi::status::device_error);
        EXPECT_EQ(machine.get(u"Ordinary").data, "ordinary");
        EXPECT_EQ(machine.set(u"Volatile", attribute::bs_rt, "v"), abi::status::success);
      }
      ASSERT_TRUE(machine.reset().has_value());
    }
  }
  EXPECT_GT(read_only, 3u);
}

// The spare area drops a bit and says nothing: what it gathered isn't believed, and the old store stays in force.
TEST(WornFlash, ASpareAreaThatLosesBitsIsNotCommitted) {
  for (const std::uint32_t offset : {0u, 40u, 100u, 103u, 700u, 3000u}) {
    NorModel flash(small_flash);
    LoneWrite write(flash, small_layout);
    ASSERT_TRUE(write.prepare().has_value());
    ASSERT_TRUE(write.begin(small_region).has_value());
    flash.wear_at(offset, Wear::silent, offset);
    const std::vector<std::byte> content(4000, std::byte{0});
    ASSERT_EQ(write.add(content).error(), Error::device) << offset;
    ASSERT_TRUE(write.give_up().has_value());
    EXPECT_EQ(read_write_queue(flash.cells(), small_layout).state, WriteState::idle);
  }
}

}  // namespace
}  // namespace redoubt::variable
