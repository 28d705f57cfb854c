// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a start makes of a store that isn't whole: nothing that readers still find is given up for what is searched for,
// what can't be put right isn't made worse, and power may fail meanwhile.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "drivers/variable/store/campaign_store.hpp"
#include "drivers/variable/store/inspection.hpp"
#include "drivers/variable/store/started_store.hpp"
#include "drivers/variable/store/write_queue.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
using format::RecordHeader;

using Start = StartedStore;
using Values = Start::Values;

// Variables in several blocks of a store that was reclaimed, so that the spare area has a copy of it.
struct Reclaimed {
  Reclaimed() {
    Start start(flash);
    for (const char16_t* name : names) {
      EXPECT_TRUE(start.set(name, std::string(900, 'o')).has_value());
    }
    for (int round = 0; round < 12; ++round) {
      EXPECT_TRUE(start.set(u"Often", std::string(700, static_cast<char>('a' + round))).has_value());
    }
    EXPECT_TRUE(start.store.make_room(small_region).has_value());
    values = start.all();
    EXPECT_TRUE(
        std::equal(flash.cells().begin(), flash.cells().begin() + 0x1000, flash.cells().begin() + small_layout.spare));
  }

  static constexpr const char16_t* names[] = {u"First", u"Second", u"Third", u"Fourth", u"Fifth"};
  NorModel flash{small_flash};
  Values values;
};

void erase(NorModel& flash, std::uint32_t offset, std::uint32_t size) {
  std::fill_n(flash.cells().begin() + offset, size, std::byte{0xFF});
}

std::uint32_t tail_of(const NorModel& flash) {
  const std::vector<std::byte> shown = flash.shown();
  std::uint32_t end = small_region;
  while (shown[end - 1] == std::byte{0xFF}) {
    --end;
  }
  return (end + 3) & ~3u;
}

// With a state, a header whose sizes aren't there stays as it is: what a cut leaves of an attempt to close it could
// lead elsewhere.
TEST(TornHeader, OnlyOneWithoutAStateIsClosed) {
  for (const unsigned state : {0xFFu, 0x7Fu, 0x7Du, 0x3Du, 0x3Cu, 0x00u}) {
    NorModel flash(small_flash);
    ASSERT_TRUE(Start(flash).set(u"First", "1").has_value());
    const std::uint32_t torn = tail_of(flash);
    RecordHeader header;
    std::memset(&header, 0xFF, sizeof(header));
    header.start = RecordHeader::expected_start;
    header.state = static_cast<std::uint8_t>(state);
    header.name_size = 8;
    header.data_size = 400;
    std::memcpy(flash.cells().data() + torn, &header, sizeof(header));
    {
      // Behind it, as stock firmware puts it there.
      NorModel other(small_flash);
      ASSERT_TRUE(Start(other).set(u"Second", "2").has_value());
      std::copy_n(other.cells().begin() + store_headers_size, 80,
                  flash.cells().begin() + torn + std::uint32_t{sizeof(header)});
    }
    const std::vector<std::byte> before = flash.cells();
    const Values expected{{u"First", "1"}, {u"Second", "2"}};
    ASSERT_EQ(read_as_pei(before).size(), 2u);
    for (std::uint64_t step = 0; step < 70; ++step) {
      NorModel cut(before);
      cut.cut_power_at(step, static_cast<std::uint32_t>(step));
      static_cast<void>(Start(cut));
      cut.power_up();
      ASSERT_EQ(read_as_pei(cut.cells()).size(), 2u) << state << ", step " << step;
      const Start start(cut);
      ASSERT_TRUE(start.opened.has_value());
      ASSERT_EQ(start.all(), expected) << state << ", step " << step;
    }
    const Start start(flash);
    ASSERT_EQ(start.all(), expected);
    if (state == 0xFF) {
      std::memcpy(&header, flash.cells().data() + torn, sizeof(header));
      EXPECT_EQ(header.name_size + header.data_size + header.attributes, 0u);
      EXPECT_TRUE(inspect(flash.cells(), small_layout).empty());
    } else {
      EXPECT_EQ(flash.cells(), before) << state;
    }
  }
}

// A write whose mark is lost had erased the first block: all of the store is in the spare area.
TEST(Repair, TakesTheSpareAreaThatHasMoreThanTheStore) {
  const Reclaimed made;
  for (const bool in_one_block : {false, true}) {
    NorModel flash = made.flash;
    Values expected = made.values;
    if (in_one_block) {
      Start start(flash);
      for (const char16_t* name : {u"Second", u"Third", u"Fourth", u"Fifth", u"Often"}) {
        ASSERT_TRUE(start.remove(name).has_value());
        expected.erase(name);
      }
      ASSERT_TRUE(start.store.make_room(small_region).has_value());
    }
    erase(flash, 0, small_layout.block_size);
    erase(flash, small_layout.work, small_layout.work_size);
    const std::vector<std::byte> before = flash.cells();
    {
      const Start start(flash);
      ASSERT_FALSE(start.opened.has_value());
      EXPECT_EQ(start.opened.error(), Error::malformed);
      EXPECT_EQ(flash.cells(), before);
      EXPECT_TRUE(start.all().empty());
    }
    {
      Start start(flash, Repair::yes);
      ASSERT_TRUE(start.opened.has_value());
      EXPECT_EQ(start.store.damage()->id, in_one_block ? FindingId::store_erased : FindingId::volume_signature);
      EXPECT_EQ(start.all(), expected);
      ASSERT_TRUE(start.set(u"Fresh", "fresh").has_value());
      expected[u"Fresh"] = "fresh";
    }
    const Start start(flash);
    ASSERT_TRUE(start.opened.has_value());
    EXPECT_EQ(start.all(), expected);
  }
}

// The spare area keeps what a reclaim gathered. What was written and deleted since then is in the store alone.
TEST(Repair, BringsNothingBackThatWasReplacedOrDeleted) {
  const Reclaimed made;
  for (int changes = 0; changes < 4; ++changes) {
    NorModel flash = made.flash;
    Values expected = made.values;
    {
      Start start(flash);
      if (changes % 2 != 0) {
        ASSERT_TRUE(start.set(u"Second", "a newer value").has_value());
        expected[u"Second"] = "a newer value";
      }
      if (changes / 2 != 0) {
        for (const char16_t* name : {u"Third", u"Often"}) {
          ASSERT_TRUE(start.remove(name).has_value());
          expected.erase(name);
        }
      }
    }
    flash.cells()[40] = std::byte{0};  // the volume's signature
    {
      const Start start(flash, Repair::yes);
      ASSERT_TRUE(start.opened.has_value());
      EXPECT_EQ(start.all(), expected) << changes;
    }
    const Start start(flash);
    ASSERT_TRUE(start.opened.has_value());
    EXPECT_EQ(start.all(), expected) << changes;
  }
}

// Whatever the repair was about when power failed, the work area's being written anew included: the store or the spare
// area has it all, and the next start, or the next repair, finds it.
TEST(Repair, FromTheSpareAreaMayBeCutAnywhere) {
  const Reclaimed made;
  enum class Work { blank, idle, full, noise };
  for (const Work work : {Work::blank, Work::idle, Work::full, Work::noise}) {
    NorModel damaged = made.flash;
    erase(damaged, 0, small_layout.store_size);
    const std::uint32_t queue = small_layout.work + std::uint32_t{sizeof(format::WorkingBlockHeader)};
    const auto work_end = damaged.cells().begin() + small_layout.work + small_layout.work_size;
    switch (work) {
      case Work::blank: erase(damaged, small_layout.work, small_layout.work_size); break;
      case Work::idle: break;
      case Work::full: std::fill(damaged.cells().begin() + queue + 800, work_end, std::byte{0}); break;
      case Work::noise: std::fill(damaged.cells().begin() + small_layout.work, work_end, std::byte{0x5A}); break;
    }
    NorModel whole = damaged;
    const std::uint64_t first = whole.steps();
    ASSERT_EQ(Start(whole, Repair::yes).all(), made.values);
    const std::uint64_t steps = whole.steps() - first;
    std::size_t without_work_area = 0;
    for (std::uint64_t step = 0; step < steps; step += step < 150 || step + 50 > steps ? 1 : 499) {
      for (std::uint32_t seed = 0; seed < 3; ++seed) {
        NorModel cut = damaged;
        cut.cut_power_at(step, seed, seed % 2 == 0 ? NorModel::Landing::one_by_one : NorModel::Landing::any_subset);
        static_cast<void>(Start(cut, Repair::yes));
        ASSERT_FALSE(cut.powered());
        cut.power_up();
        without_work_area += read_write_queue(cut.cells(), small_layout).state == WriteState::no_queue ? 1 : 0;
        const Start next(cut);
        if (next.opened.has_value()) {
          ASSERT_EQ(next.all(), made.values) << "step " << step << ", seed " << seed;
        } else {
          ASSERT_EQ(next.opened.error(), Error::malformed) << "step " << step << ", seed " << seed;
        }
        const Start repaired(cut, Repair::yes);
        ASSERT_TRUE(repaired.opened.has_value()) << "step " << step << ", seed " << seed;
        ASSERT_EQ(repaired.all(), made.values) << "step " << step << ", seed " << seed;
      }
    }
    EXPECT_EQ(without_work_area > 3, work != Work::idle) << without_work_area;
  }
}

// A store with a hole, behind which are variables that only a search finds.
struct Hole {
  explicit Hole(bool in_headers) {
    hole = in_headers ? 40 : store_headers_size + 972;  // the start of the second record
    flash.cells()[hole] = std::byte{0};
    if (!in_headers) {
      in_reach = {{u"First", std::string(900, 'o')}};
    }
  }
  Reclaimed made;
  NorModel& flash = made.flash;
  std::size_t hole;
  Values in_reach;
};

// Flash that takes no more: what was found by searching isn't served, and what readers find is, as before the attempt.
TEST(Repair, ThatFailsLeavesNothingThatWasSearchedFor) {
  for (const bool in_headers : {false, true}) {
    const Hole damaged(in_headers);
    {
      NorModel flash = damaged.flash;
      const Start start(flash);
      ASSERT_FALSE(start.opened.has_value());
      ASSERT_EQ(start.all(), damaged.in_reach);
      ASSERT_GT(Start(flash, Repair::yes).all().size(), 3u);
    }
    for (const std::uint32_t block : {small_layout.spare, small_layout.spare + 0x1000, small_layout.work}) {
      NorModel flash = damaged.flash;
      flash.break_block(block, NorModel::Defect::program_fails, 0, 0);
      Start start(flash, Repair::yes);
      ASSERT_FALSE(start.opened.has_value()) << block;
      EXPECT_EQ(start.opened.error(), Error::device);
      EXPECT_TRUE(start.store.damage().has_value());
      EXPECT_EQ(start.all(), damaged.in_reach) << block;
      EXPECT_EQ(start.table.count(), damaged.in_reach.size());
      EXPECT_FALSE(start.store.is_open());
      EXPECT_FALSE(start.set(u"Fresh", "fresh").has_value());
      EXPECT_EQ(start.all(), damaged.in_reach);
    }
  }
}

// A CPU that counted as stopped is found running before the last step of a write.
struct FoundRunning final : OtherProcessors {
  bool hold(bool& some_presumed_stopped) override {
    some_presumed_stopped = true;
    return ++calls != running_at;
  }
  int calls = 0;
  int running_at = 0;
};

// What was written by then stays where it is: nothing is appended behind it or over it, the next record reclaims the
// store; and a start that comes first passes over it.
TEST(DisturbedAppend, NothingIsAppendedBehindIt) {
  for (const bool replaces : {false, true}) {
    NorModel flash(small_flash);
    Values expected{{u"First", "first"}};
    ASSERT_TRUE(Start(flash).set(u"First", "first").has_value());
    const std::uint32_t tail = tail_of(flash);
    FoundRunning processors;
    Start start(flash, Repair::no, &processors);
    processors.running_at = processors.calls + 2;
    const std::u16string_view name = replaces ? u"First" : u"Disturbed";
    ASSERT_EQ(start.set(name, "DISTURBED").error(), Error::device);
    ASSERT_EQ(start.store.take_refusal(), WriteRefusal::processor);
    ASSERT_FALSE(start.store.is_read_only());
    ASSERT_EQ(start.all(), expected);
    const auto has_remains = [&] {
      const auto text = bytes("DISTURBED");
      return !std::ranges::search(flash.cells().begin(), flash.cells().begin() + small_region, text.begin(), text.end())
                  .empty();
    };
    ASSERT_TRUE(has_remains());
    {
      NorModel next = flash;
      Start started(next);
      ASSERT_TRUE(started.opened.has_value());
      ASSERT_EQ(started.all(), expected);
      ASSERT_TRUE(started.set(u"Second", "second").has_value());
      Values both = expected;
      both[u"Second"] = "second";
      ASSERT_EQ(Start(next).all(), both);
    }
    ASSERT_TRUE(start.set(u"Second", "second").has_value());
    EXPECT_EQ(start.store.take_refusal(), WriteRefusal::none) << "no cell looks worn";
    EXPECT_FALSE(has_remains()) << "it was a reclaim";
    EXPECT_LE(tail_of(flash), tail + 90);
    expected[u"Second"] = "second";
    EXPECT_EQ(start.all(), expected);
    EXPECT_TRUE(inspect(flash.cells(), small_layout).empty());
    EXPECT_EQ(Start(flash).all(), expected);
  }
}

}  // namespace
}  // namespace redoubt::variable
