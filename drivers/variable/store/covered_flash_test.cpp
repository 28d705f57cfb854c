// SPDX-License-Identifier: BSD-2-Clause-Patent
// The store on flash that the host lays something else over: block by block, with the block's own content, blank, or
// with other records, before an operation or in the middle of it, for good or for a while, with a CPU that was only
// presumed to stand.
//
// RAM over the flash costs nothing but writes. In the boot every value read is right. What was acknowledged is in
// flash, to be found once the RAM is gone, by stock PEI and by the next start; what was refused isn't. The operation
// during which the device went silent is in force or isn't, and the store says that it takes no more writes.
//
// Something that answers as the device would, which takes a CPU of the host's that runs meanwhile, gets the driver to
// believe it. In the boot every value read is still right: none that this driver wasn't given, and none that it was
// told to replace. After a restart such a host has this much: each command that went to what it showed is missing in
// flash. An acknowledged change may be gone, an old value back; of a reclaim, block by block, some are those of the old
// store, and variables may be put together from both, or the store be damaged, which the start says. Nothing that it
// shows itself gets into flash, and blocks that it doesn't cover have what the driver wrote there.
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "drivers/variable/store/campaign_store.hpp"
#include "drivers/variable/store/inspection.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
using Cover = NorModel::Cover;
using Window = NorModel::Window;
using Kind = Operation::Kind;

constexpr std::uint64_t for_good = UINT32_MAX;

// CPUs of which some may run outside MM after all.
struct SomePresumedStopped final : OtherProcessors {
  bool hold(bool& some_presumed_stopped) override {
    some_presumed_stopped = true;
    return true;
  }
};

Operation set(std::u16string_view name, std::string data) {
  return {Kind::set, {std::u16string(name), false}, {attribute::nv_bs_rt, 0, std::move(data)}};
}
Operation remove(std::u16string_view name) { return {Kind::remove, {std::u16string(name), false}, {}}; }

// A store that is nearly full, much of it deleted. The values of two scenes with other letters differ in all but
// their names.
struct Scene {
  explicit Scene(char letter) {
    Session session(flash);
    const auto perform = [&](const Operation& operation) {
      EXPECT_TRUE(session.perform(operation).has_value());
      before = after(operation, before);
    };
    perform(set(u"First", std::string(5, letter)));
    for (std::size_t round = 0; round < 15; ++round) {
      perform(set(u"Other", std::string(600 + round, letter)));
    }
    perform(set(u"Victim", std::string(700, letter)));
    perform(set(u"Last", std::string(4, letter)));
  }

  NorModel flash{small_flash};
  Variables before;
};

const Operation operations[] = {
    set(u"Fresh", "fresh"),    set(u"Victim", std::string(500, 'n')),
    remove(u"Victim"),         set(u"Victim", std::string(6000, 'n')),  // in a reclaim
    {Kind::make_room, {}, {}},
};
constexpr std::size_t first_reclaim = 3;

enum class Content : std::uint8_t { same, blank, other_records };

struct Seen {
  std::size_t runs = 0;
  std::size_t acknowledged = 0;
  std::size_t refused = 0;
  std::size_t closed = 0;  // in the boot
  std::size_t old_values = 0;
  std::size_t new_values = 0;
  std::uint64_t misled = 0;
};

class CoveredFlash : public testing::Test {
 protected:
  std::vector<std::byte> content_of(Content content, std::uint32_t block) {
    NorModel& source = content == Content::same ? scene.flash : other_scene.flash;
    const auto first = source.cells().begin() + block;
    return content == Content::blank ? std::vector<std::byte>(small_layout.block_size, std::byte{0xFF})
                                     : std::vector<std::byte>(first, first + small_layout.block_size);
  }

  // Accesses of the operation, and how the flash is after it.
  std::uint64_t accesses_of(const Operation& operation, NorModel& flash) {
    SomePresumedStopped processors;
    flash = scene.flash;
    Session session(flash, &processors);
    const std::uint64_t first = flash.accesses();
    EXPECT_TRUE(session.perform(operation).has_value());
    return flash.accesses() - first;
  }

  template <typename Windows, typename Contents>
  Seen cover_everywhere(Windows windows, Contents contents);

  Scene scene{'o'};
  Scene other_scene{'x'};
};

// Some operations in one boot while RAM is laid over the flash, and the next start.
void expect_nothing_lost(NorModel flash, Variables expected, const Operation& operation, std::uint32_t block,
                         const std::vector<std::byte>& content, const std::vector<Window>& windows, Seen& seen) {
  SomePresumedStopped processors;
  std::optional<Variables> possible;
  ++seen.runs;
  {
    Session session(flash, &processors);
    ASSERT_TRUE(session.is_open());
    flash.cover_during(windows, block, content, Cover::ram);
    const auto perform = [&](const Operation& next) {
      const bool was_closed = session.store().is_read_only();
      const Variables wanted = after(next, expected);
      const Result<void> performed = session.perform(next);
      if (performed.has_value()) {
        ASSERT_FALSE(was_closed);
        ++seen.acknowledged;
        expected = wanted;
      } else {
        ASSERT_EQ(performed.error(), Error::device);
        ++seen.refused;
        if (session.store().is_read_only() && !was_closed) {
          possible = wanted;
          ++seen.closed;
        }
      }
      ASSERT_EQ(session.variables(), expected) << "in the boot";
      const Variables read = read_as_pei(flash.cells());
      ASSERT_TRUE(read == expected || read == possible) << "in flash";
    };
    ASSERT_NO_FATAL_FAILURE(perform(operation));
    ASSERT_NO_FATAL_FAILURE(perform(set(u"Second", "second")));
    ASSERT_NO_FATAL_FAILURE(perform(remove(u"First")));
    flash.uncover();
    ASSERT_NO_FATAL_FAILURE(perform(set(u"Last", "uncovered")));
    ASSERT_NO_FATAL_FAILURE(perform(set(u"Second", std::string(3000, 'r'))));
    seen.misled += flash.misled();
  }
  for (int start = 0; start < 2; ++start) {
    Session session(flash);
    ASSERT_TRUE(session.is_open());
    const Variables found = session.variables();
    ASSERT_TRUE(found == expected || found == possible) << "after the start";
    if (possible.has_value()) {
      ++(found == possible ? seen.new_values : seen.old_values);
    }
    expected = found;
    possible.reset();
    ASSERT_EQ(read_as_pei(flash.cells()), expected);
    for (const Finding& finding : inspect(flash.cells(), small_layout)) {
      ASSERT_NE(finding.severity, Severity::damage) << to_string(finding.id);
    }
    const Operation write = set(u"Afterwards", "afterwards " + std::to_string(start));
    ASSERT_TRUE(session.perform(write).has_value());
    expected = after(write, expected);
    ASSERT_EQ(session.variables(), expected);
  }
}

// Each operation with RAM over each block from each of its accesses on, in four ways; of reclaims, which have many
// accesses, every fourth in one of them.
template <typename Windows, typename Contents>
Seen CoveredFlash::cover_everywhere(Windows windows, Contents contents) {
  constexpr std::uint32_t ways = 4;
  Seen seen;
  for (std::size_t index = 0; index < std::size(operations); ++index) {
    NorModel whole(small_flash);
    const std::uint64_t accesses = accesses_of(operations[index], whole);
    for (std::uint64_t access = 0; access < accesses; ++access) {
      for (std::uint32_t block = 0; block < small_flash / small_layout.block_size; ++block) {
        for (std::uint32_t way = 0; way < ways; ++way) {
          if (index >= first_reclaim && ((access + block) % 4 != 0 || (access / 4 + block) % ways != way)) {
            continue;
          }
          const std::uint32_t offset = block * small_layout.block_size;
          expect_nothing_lost(scene.flash, scene.before, operations[index], offset,
                              content_of(contents(access, block), offset), windows(access, way), seen);
          if (HasFatalFailure()) {
            ADD_FAILURE() << "operation " << index << ", access " << access << " of " << accesses << ", block " << block
                          << ", way " << way;
            return seen;
          }
        }
      }
    }
  }
  return seen;
}

// RAM that comes between the first look and a write: nothing is written to it, and nothing is in doubt.
TEST(CoveredCopy, TheDeviceIsAskedBeforeEachWrite) {
  NorModel nor(small_flash);
  LoadedCopy loaded(nor);
  FlashCopy& copy = loaded.flash_copy;
  const auto expect_refusal = [&](auto write) {
    nor.uncover();
    ASSERT_TRUE(copy.begin({{0, small_layout.block_size}}).has_value());
    nor.cover(0, std::vector<std::byte>(small_layout.block_size, std::byte{0xFF}), Cover::ram);
    EXPECT_FALSE(write().has_value());
    EXPECT_EQ(nor.misled(), 0u);
    EXPECT_TRUE(copy.is_disturbed());
    EXPECT_FALSE(copy.is_closed());
    EXPECT_EQ(copy.take_refusal(), WriteRefusal::silence);
  };
  expect_refusal([&] { return copy.program(0x10, bytes("data")); });
  expect_refusal([&] { return copy.erase(0); });
}

// Where RAM lies over a block that the operation needs before it begins, nothing is written at all.
TEST_F(CoveredFlash, RamThatIsThereBeforeAnOperationIsNoticed) {
  for (std::size_t index = 0; index < std::size(operations); ++index) {
    const Operation& operation = operations[index];
    std::size_t refused = 0;
    for (std::uint32_t block = 0; block < small_flash; block += small_layout.block_size) {
      for (const Content content : {Content::same, Content::blank, Content::other_records}) {
        NorModel flash = scene.flash;
        Session session(flash);
        flash.cover(block, content_of(content, block), Cover::ram);
        const Result<void> performed = session.perform(operation);
        ASSERT_EQ(flash.misled(), 0u) << "block " << block << ", operation " << index;
        ASSERT_EQ(session.variables(), performed.has_value() ? after(operation, scene.before) : scene.before);
        if (!performed.has_value()) {
          ++refused;
          ASSERT_EQ(performed.error(), Error::device);
          ASSERT_FALSE(session.store().is_read_only());
          ASSERT_EQ(flash.cells(), scene.flash.cells());
        }
        flash.uncover();
        ASSERT_TRUE(session.perform(operation).has_value());
        ASSERT_EQ(Session(flash).variables(), after(operation, scene.before));
        Seen seen;
        ASSERT_NO_FATAL_FAILURE(expect_nothing_lost(scene.flash, scene.before, operation, block,
                                                    content_of(content, block), {{0, for_good}}, seen))
            << "block " << block << ", operation " << index;
      }
    }
    // A reclaim needs every block; the others those of their records.
    EXPECT_EQ(refused % 3, 0u);
    EXPECT_GE(refused, index < first_reclaim ? 3u : 27u);
    EXPECT_LE(refused, index < first_reclaim ? 6u : 27u);
  }
}

// RAM appears before any access of the operation, and stays or goes.
TEST_F(CoveredFlash, RamThatAppearsInAnOperationCostsNothingButWrites) {
  const Seen seen = cover_everywhere(
      [](std::uint64_t access, std::uint32_t way) -> std::vector<Window> {
        constexpr std::uint64_t lengths[] = {1, 2, 5, for_good};
        return {{access, access + lengths[way]}};
      },
      [](std::uint64_t access, std::uint32_t block) { return static_cast<Content>((access + block) % 3); });
  EXPECT_GT(seen.acknowledged, 8000u);
  EXPECT_GT(seen.refused, 700u);
  EXPECT_GT(seen.closed, 80u);
  EXPECT_GT(seen.old_values, 60u);
  EXPECT_GT(seen.new_values, 10u);
  EXPECT_GT(seen.misled, 100u);
}

// RAM is there when something is written, gone when the device is asked, and there again when what it shows is read: it
// shows what was written.
TEST_F(CoveredFlash, RamThatComesAndGoesIsNotBelieved) {
  const Seen seen = cover_everywhere(
      [](std::uint64_t access, std::uint32_t way) -> std::vector<Window> {
        std::vector<Window> windows{{access, access + 1}};
        switch (way) {
          case 0: windows.push_back({access + 2, access + 3}); break;
          case 1: windows.push_back({access + 3, access + 4}); break;
          case 2: windows.push_back({access + 2, access + 4}); break;
          default:
            for (std::uint64_t next = access + 2; next < access + 40; next += 2) {
              windows.push_back({next, next + 1});
            }
        }
        return windows;
      },
      [](std::uint64_t, std::uint32_t) { return Content::same; });
  EXPECT_GT(seen.acknowledged, 8000u);
  EXPECT_GT(seen.refused, 700u);
  EXPECT_GT(seen.closed, 80u);
  EXPECT_GT(seen.misled, 100u);
}

// What answers as the device would is believed, in this boot; nothing wrong is read all the same, and what isn't
// covered is written as ever.
TEST_F(CoveredFlash, WhatPretendsToBeTheDeviceTakesWritesAndGivesNothing) {
  std::size_t acknowledged_and_gone = 0;
  std::size_t damaged = 0;
  std::size_t mixed = 0;
  std::size_t refused = 0;
  for (std::size_t index = 0; index < std::size(operations); ++index) {
    const Operation& operation = operations[index];
    const Variables new_values = after(operation, scene.before);
    NorModel whole(small_flash);
    const std::uint64_t accesses = accesses_of(operation, whole);
    const std::uint64_t stride = index < first_reclaim ? 1 : 23;
    for (std::uint64_t access = 0; access < accesses; access += stride) {
      for (std::uint32_t block = 0; block < small_flash; block += small_layout.block_size) {
        for (const Content content : {Content::same, Content::blank, Content::other_records}) {
          const std::string where = "operation " + std::to_string(index) + ", access " + std::to_string(access) +
                                    ", block " + std::to_string(block);
          SomePresumedStopped processors;
          NorModel flash = scene.flash;
          Variables expected = scene.before;
          {
            Session session(flash, &processors);
            flash.cover_during({{access, for_good}}, block, content_of(content, block), Cover::pretends);
            const bool performed = session.perform(operation).has_value();
            expected = performed ? new_values : expected;
            refused += performed ? 0 : 1;
            ASSERT_EQ(session.variables(), expected) << where;
            if (performed && content == Content::same && access == 0) {
              for (std::uint32_t offset = 0; offset < small_flash; ++offset) {
                const bool is_covered = offset - block < small_layout.block_size;
                ASSERT_EQ(flash.cells()[offset], (is_covered ? scene.flash : whole).cells()[offset]) << where;
              }
            }
            // Further ones, whatever becomes of them.
            for (const Operation& next : {set(u"Second", "second"), remove(u"First")}) {
              expected = session.perform(next).has_value() ? after(next, expected) : expected;
              ASSERT_EQ(session.variables(), expected) << where;
            }
          }
          flash.uncover();
          Session session(flash);
          if (!session.is_open()) {
            ASSERT_TRUE(session.store().damage().has_value()) << where;
            ++damaged;
            continue;
          }
          const Variables found = session.variables();
          acknowledged_and_gone += found != expected ? 1 : 0;
          for (const auto& [key, value] : found) {
            const auto is_value_of = [&](const Variables& values) {
              const auto known = values.find(key);
              return known != values.end() && known->second == value;
            };
            const bool is_known = is_value_of(scene.before) || is_value_of(new_values) || value.data == "second";
            mixed += is_known ? 0 : 1;
            ASSERT_TRUE(is_known || index >= first_reclaim) << where;
            // Pieces of both values at most.
            ASSERT_EQ(value.data.find('x'), std::string::npos) << where;
          }
        }
      }
    }
  }
  // That it can do all this is no demand; what the head of this file says is as much as it can.
  EXPECT_GT(acknowledged_and_gone, 80u);
  EXPECT_GT(damaged, 30u);
  EXPECT_GT(mixed, 0u);
  EXPECT_GT(refused, 50u);
}

}  // namespace
}  // namespace redoubt::variable
