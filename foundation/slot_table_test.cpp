// SPDX-License-Identifier: BSD-2-Clause-Patent
// Slots, tokens and the two kinds of lists, without a foundation around them.
#include "foundation/slot_table.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "foundation/record_list.hpp"
#include "foundation/testing/fake_supervisor.hpp"

namespace redoubt::foundation {
namespace {

struct Record {
  std::uint64_t value = 7;
  CallbackState callback;
  RecordLink<Record> link;
};

using Table = SlotTable<Record, TokenKind::protocol_handle>;
using List = CallbackList<Record, &Record::link>;

TEST(SlotTable, GrowsWithoutMovingRecords) {
  testing::FakeSupervisor supervisor;
  Table table(supervisor);
  std::vector<Record*> records;
  std::set<std::uint64_t> tokens;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    Record* record = table.acquire();
    ASSERT_NE(record, nullptr);
    EXPECT_EQ(record->value, 7U);
    record->value = i;
    records.push_back(record);
    tokens.insert(table.token(*record));
  }
  EXPECT_EQ(tokens.size(), records.size());
  for (std::uint64_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(table.find(table.token(*records[i])), records[i]);
    EXPECT_EQ(records[i]->value, i);
  }
}

TEST(SlotTable, TokensAreNoAddressesAndGoStale) {
  testing::FakeSupervisor supervisor;
  Table table(supervisor);
  Record* record = table.acquire();
  const std::uint64_t token = table.token(*record);
  EXPECT_NE(token >> 47, 0U);
  EXPECT_NE(token >> 47, 0x1FFFFU);
  table.release(*record);
  EXPECT_EQ(table.find(token), nullptr);
  Record* again = table.acquire();
  EXPECT_EQ(again, record);
  EXPECT_EQ(table.find(token), nullptr);
  EXPECT_EQ(table.find(table.token(*again)), again);
  EXPECT_EQ(table.find(table.token(*again) + 1), nullptr);
  EXPECT_EQ(table.find(table.token(*again) ^ std::uint64_t{1} << 56), nullptr);
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find(address_of(again)), nullptr);
}

TEST(SlotTable, RunsOutOfMemoryPolitely) {
  testing::FakeSupervisor supervisor;
  supervisor.fail_allocations_after(1);
  Table table(supervisor);
  std::size_t made = 0;
  while (table.acquire() != nullptr) ++made;
  EXPECT_GT(made, 10U);
  EXPECT_EQ(table.acquire(), nullptr);
  supervisor.allow_allocations();
  EXPECT_NE(table.acquire(), nullptr);
}

class CallbackListTest : public ::testing::Test {
 protected:
  Record& add(std::uint64_t value) {
    records_.push_back(std::make_unique<Record>());
    records_.back()->value = value;
    list_.push_back(*records_.back());
    return *records_.back();
  }
  void remove(Record& record) {
    if (list_.remove(record)) released_.push_back(record.value);
  }
  template <typename Visit>
  std::vector<std::uint64_t> walk(Visit visit) {
    std::vector<std::uint64_t> seen;
    list_.walk(
        [&](Record& record) {
          seen.push_back(record.value);
          return visit(record);
        },
        [&](Record& record) { released_.push_back(record.value); });
    return seen;
  }

  List list_;
  std::vector<std::unique_ptr<Record>> records_;
  std::vector<std::uint64_t> released_;
};

using Values = std::vector<std::uint64_t>;

TEST_F(CallbackListTest, ARecordMayRemoveItselfAndItsNeighbours) {
  Record& a = add(1);
  Record& b = add(2);
  Record& c = add(3);
  add(4);
  EXPECT_EQ(walk([&](Record& record) {
              if (&record == &b) {
                remove(a);
                remove(b);
                remove(c);
              }
              return true;
            }),
            (Values{1, 2, 4}));
  EXPECT_EQ(released_, (Values{1, 3, 2}));
  EXPECT_EQ(list_.active(), 1U);
}

TEST_F(CallbackListTest, ARecordAddedDuringAWalkWaitsForTheNext) {
  add(1);
  const auto seen = walk([&](Record&) {
    add(2);
    return true;
  });
  EXPECT_EQ(seen, (Values{1}));
  EXPECT_EQ(walk([](Record&) { return true; }), (Values{1, 2}));
}

TEST_F(CallbackListTest, NestedWalksReleaseARecordOnce) {
  Record& a = add(1);
  add(2);
  int depth = 0;
  std::function<bool(Record&)> visit = [&](Record& record) {
    if (&record != &a) return true;
    if (++depth == 3) {
      remove(a);
    } else {
      walk(visit);
    }
    EXPECT_TRUE(released_.empty()) << "walks further out still stand on it";
    return true;
  };
  walk(visit);
  EXPECT_EQ(depth, 3);
  EXPECT_EQ(released_, (Values{1}));
  EXPECT_FALSE(list_.walked());
}

}  // namespace
}  // namespace redoubt::foundation
