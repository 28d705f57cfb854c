// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/fault_tolerant_write.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "drivers/variable/board.hpp"
#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/flash_store.hpp"
#include "drivers/variable/store/inspection.hpp"
#include "drivers/variable/store/stock_reader.hpp"
#include "drivers/variable/store/stock_writer.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
namespace status = abi::status;
using format::WorkingBlockHeader;
using format::WriteHeader;
using format::WriteRecord;

constexpr std::uint32_t queue_start = small_layout.work + std::uint32_t{sizeof(WorkingBlockHeader)};
constexpr std::uint32_t write_size = sizeof(WriteHeader) + sizeof(WriteRecord);

WriteQueue queue_of(NorModel& flash) { return read_write_queue(flash.cells(), small_layout); }

std::vector<std::byte> store_of(NorModel& flash) {
  return {flash.cells().begin(), flash.cells().begin() + small_region};
}

// A store with two values of one variable, one after the other.
struct TwoStores {
  TwoStores() {
    static_cast<void>(machine.set(u"Other", attribute::nv_bs_rt, std::string(300, 'x')));
    static_cast<void>(machine.set(u"Victim", attribute::nv_bs_rt, "old"));
    before = machine.flash;
    static_cast<void>(machine.set(u"Victim", attribute::nv_bs_rt, "new"));
    after = store_of(machine.flash);
  }
  Machine machine;
  NorModel before{small_flash};
  std::vector<std::byte> after;
};

void expect_old_or_new(NorModel flash, bool& is_new) {
  Machine machine(std::move(flash), small_layout);
  ASSERT_TRUE(machine.started.has_value());
  EXPECT_EQ(machine.get(u"Other").data, std::string(300, 'x'));
  const std::string value = machine.get(u"Victim").data;
  EXPECT_TRUE(value == "old" || value == "new") << value;
  is_new = value == "new";
  EXPECT_TRUE(inspect(machine.flash.cells(), small_layout).empty());
  ASSERT_EQ(machine.set(u"Victim", attribute::nv_bs_rt, "third"), status::success);
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(machine.get(u"Victim").data, "third");
}

TEST(FaultTolerantWrite, WritesTheWorkAreaAsStockFirmwareDoes) {
  // Header of a work area of 4 KiB as in the stock volumes (edk2's OvmfPkg/VarStore.fdf.inc).
  constexpr std::uint8_t expected[] = {0x2B, 0x29, 0x58, 0x9E, 0x68, 0x7C, 0x7D, 0x49, 0xA0, 0xCE, 0x65,
                                       0x00, 0xFD, 0x9F, 0x1B, 0x95, 0x2C, 0xAF, 0x2C, 0x64, 0xFE, 0xFF,
                                       0xFF, 0xFF, 0xE0, 0x0F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
  NorModel flash(small_flash);
  LoneWrite write(flash, small_layout);
  ASSERT_TRUE(write.prepare().has_value());
  EXPECT_EQ(std::memcmp(flash.cells().data() + small_layout.work, expected, sizeof(expected)), 0);
  EXPECT_TRUE(is_blank(Bytes(flash.cells()).subspan(queue_start, small_layout.work_size - sizeof(expected))));
  // What is as it should be stays as it is.
  const std::uint64_t steps = flash.steps();
  ASSERT_TRUE(write.prepare().has_value());
  EXPECT_EQ(flash.steps(), steps);
}

TEST(FaultTolerantWrite, RecordsAWriteAsStockFirmwareReadsIt) {
  NorModel flash(small_flash);
  LoneWrite write(flash, small_layout);
  ASSERT_TRUE(write.prepare().has_value());
  ASSERT_TRUE(write.begin(small_region).has_value());
  ASSERT_TRUE(write.add(bytes("content")).has_value());
  EXPECT_EQ(queue_of(flash).state, WriteState::begun);
  const auto header = load<WriteHeader>(flash.cells(), queue_start);
  EXPECT_EQ(header.state, 0xFC);
  EXPECT_EQ(header.writes, 1u);
  EXPECT_EQ(header.private_data_size, 0u);
  const auto record = load<WriteRecord>(flash.cells(), queue_start + sizeof(header));
  EXPECT_EQ(record.state, 0xFF);
  EXPECT_EQ(record.block, 0u);
  EXPECT_EQ(record.offset + record.length, small_region);
  EXPECT_EQ(record.relative_offset, -std::int64_t{small_layout.spare});

  ASSERT_TRUE(write.commit().has_value());
  const WriteQueue queue = queue_of(flash);
  EXPECT_EQ(queue.state, WriteState::pending);
  EXPECT_TRUE(queue.plausible);
  EXPECT_EQ(queue.destination, 0u);
  EXPECT_EQ(queue.size, small_region);
  EXPECT_TRUE(is_blank(store_of(flash)));

  ASSERT_TRUE(write.finish().has_value());
  EXPECT_EQ(queue_of(flash).state, WriteState::idle);
  EXPECT_EQ(queue_of(flash).header, queue_start + write_size);
  EXPECT_EQ(std::memcmp(flash.cells().data(), "content", 7), 0);
}

TEST(FaultTolerantWrite, EmptiesTheWorkAreaWhenItIsFull) {
  NorModel flash(small_flash);
  LoneWrite write(flash, small_layout);
  ASSERT_TRUE(write.prepare().has_value());
  constexpr std::uint32_t writes = (small_layout.work_size - sizeof(WorkingBlockHeader)) / write_size;
  for (std::uint32_t count = 0; count < 2 * writes + 3; ++count) {
    ASSERT_EQ(queue_of(flash).header, queue_start + (count == 0 ? 0 : (count - 1) % writes + 1) * write_size);
    const std::string content(1 + count, static_cast<char>('a' + count % 26));
    ASSERT_TRUE(write.begin(small_region).has_value());
    ASSERT_TRUE(write.add(bytes(content)).has_value());
    ASSERT_TRUE(write.commit().has_value());
    ASSERT_TRUE(write.finish().has_value());
    ASSERT_EQ(std::memcmp(flash.cells().data(), content.data(), content.size()), 0);
    ASSERT_TRUE(is_blank(Bytes(flash.cells()).subspan(content.size(), small_region - content.size())));
  }
}

TEST(FaultTolerantWrite, TakesNoMoreThanWasAskedFor) {
  NorModel flash(small_flash);
  LoneWrite write(flash, small_layout);
  ASSERT_TRUE(write.prepare().has_value());
  ASSERT_TRUE(write.begin(small_layout.block_size).has_value());
  ASSERT_TRUE(write.add(std::vector<std::byte>(small_layout.block_size - 2)).has_value());
  EXPECT_EQ(write.add(bytes("abc")).error(), Error::invalid_argument);
  EXPECT_TRUE(write.add(bytes("ab")).has_value());
  EXPECT_EQ(write.add(bytes("c")).error(), Error::invalid_argument);
}

TEST(FaultTolerantWrite, FlashThatFailsIsNoticed) {
  NorModel origin(small_flash);
  ASSERT_TRUE(LoneWrite(origin, small_layout).prepare().has_value());
  for (std::uint64_t step = 0; step < 5000; step += 7) {
    NorModel flash = origin;
    flash.cut_power_at(step, 1);
    LoneWrite write(flash, small_layout);
    const std::vector<std::byte> content(2000, std::byte{0x31});
    const auto all = [&]() -> Result<void> {
      TRY(write.begin(small_region));
      TRY(write.add(content));
      TRY(write.commit());
      return write.finish();
    };
    const Result<void> result = all();
    if (result.has_value()) {
      EXPECT_GT(step, 4000u);
      break;
    }
    EXPECT_EQ(result.error(), Error::device);
  }
}

// Stock firmware's own writes, interrupted at every step.
TEST(FaultTolerantWrite, CompletesWhatStockFirmwareInterrupted) {
  const TwoStores stores;
  NorModel whole = stores.before;
  const std::uint32_t used = queue_of(whole).header - queue_start;
  const std::uint64_t start = whole.steps();
  ASSERT_TRUE(StockWriter(whole, small_layout, used).write(stores.after));
  const std::uint64_t steps = whole.steps() - start;
  std::size_t seen[2] = {0, 0};
  for (std::uint64_t step = 0; step < steps; step += step < 150 || step + 150 > steps ? 1 : 149) {
    NorModel flash = stores.before;
    flash.cut_power_at(step, static_cast<std::uint32_t>(step));
    ASSERT_FALSE(StockWriter(flash, small_layout, used).write(stores.after));
    flash.power_up();
    bool is_new = false;
    ASSERT_NO_FATAL_FAILURE(expect_old_or_new(flash, is_new)) << step;
    ++seen[is_new];
  }
  EXPECT_GT(seen[false], 100u);
  EXPECT_GT(seen[true], 100u);
}

TEST(FaultTolerantWrite, SurvivesAnInterruptedReclaimOfStockFirmwaresWorkArea) {
  const TwoStores stores;
  NorModel whole = stores.before;
  const std::uint64_t start = whole.steps();
  ASSERT_TRUE(StockWriter(whole, small_layout).reclaim_work_area());
  const std::uint64_t steps = whole.steps() - start;
  for (std::uint64_t step = 0; step < steps; step += step < 100 ? 1 : 53) {
    NorModel flash = stores.before;
    flash.cut_power_at(step, static_cast<std::uint32_t>(step));
    ASSERT_FALSE(StockWriter(flash, small_layout).reclaim_work_area());
    flash.power_up();
    bool is_new = false;
    ASSERT_NO_FATAL_FAILURE(expect_old_or_new(flash, is_new)) << step;
    EXPECT_FALSE(is_new);
  }
}

// What this driver's writes leave when they are interrupted, seen by stock firmware's rules.
TEST(FaultTolerantWrite, StockFirmwareEndsWhatThisDriverInterrupted) {
  const TwoStores stores;
  const auto reclaim = [&](NorModel& flash) {
    LoneWrite write(flash, small_layout);
    const auto all = [&]() -> Result<void> {
      TRY(write.prepare());
      TRY(write.begin(small_region));
      TRY(write.add(stores.after));
      TRY(write.commit());
      return write.finish();
    };
    return all().has_value();
  };
  NorModel full = stores.before;
  for (std::uint32_t used = queue_of(full).header; used + write_size <= small_layout.work + small_layout.work_size;
       used += write_size) {
    const WriteHeader header{0xF8, {}, {}, 0, 1, 0};
    const WriteRecord record{0xF9, {}, 0, 0, small_region, -std::int64_t{small_layout.spare}};
    std::memcpy(full.cells().data() + used, &header, sizeof(header));
    std::memcpy(full.cells().data() + used + sizeof(header), &record, sizeof(record));
  }
  std::set<StockAction> seen;
  for (const NorModel& before : {stores.before, full}) {
    NorModel whole = before;
    const std::vector<std::byte> before_store = whole.cells();
    const std::uint64_t start = whole.steps();
    ASSERT_TRUE(reclaim(whole));
    const std::uint64_t steps = whole.steps() - start;
    bool was_new = false;
    for (std::uint64_t step = 0; step < steps; step += step < 300 || step + 300 > steps ? 1 : 29) {
      NorModel flash = before;
      flash.cut_power_at(step, static_cast<std::uint32_t>(step));
      static_cast<void>(reclaim(flash));
      ASSERT_FALSE(flash.powered());
      std::vector<std::byte> volume = flash.cells();
      const std::vector<StockAction> actions = StockReader(volume, small_layout).start();
      seen.insert(actions.begin(), actions.end());
      const bool is_new = std::equal(stores.after.begin(), stores.after.end(), volume.begin());
      ASSERT_TRUE(is_new || std::equal(volume.begin(), volume.begin() + small_region, before_store.begin())) << step;
      ASSERT_TRUE(is_new || !was_new) << "the new store was there already, at step " << step;
      was_new = is_new;
      // And then there's nothing left to do.
      EXPECT_TRUE(StockReader(volume, small_layout).start().empty()) << step;
      NorModel taken_back(volume);
      const std::uint64_t untouched = taken_back.steps();
      ASSERT_TRUE(LoneWrite(taken_back, small_layout).prepare().has_value());
      EXPECT_EQ(taken_back.steps(), untouched) << step;
    }
    EXPECT_TRUE(was_new);
  }
  EXPECT_EQ(seen, (std::set{StockAction::new_work_area, StockAction::emptied_work_area, StockAction::given_up,
                            StockAction::marked_over, StockAction::restarted}));
}

// States of the work area, as they are found at a start.
class WorkArea : public testing::Test {
 protected:
  WorkArea() {
    std::copy(stores.after.begin(), stores.after.end(), flash.cells().begin() + small_layout.spare);
    header.state = 0xFC;
    header.writes = 1;
    header.private_data_size = 0;
    record.state = 0xFD;
    record.block = 0;
    record.offset = 0x48;
    record.length = small_region - 0x48;
    record.relative_offset = -std::int64_t{small_layout.spare};
  }
  void put() {
    std::memcpy(flash.cells().data() + next, &header, sizeof(header));
    std::memcpy(flash.cells().data() + next + sizeof(header), &record, sizeof(record));
  }
  // The value that is found, and whether the inspection said `expected` and nothing else before.
  std::string found(FindingId expected) {
    const std::vector<Finding> findings = inspect(flash.cells(), small_layout);
    EXPECT_EQ(findings.size(), 1u);
    EXPECT_TRUE(!findings.empty() && findings[0].id == expected)
        << (findings.empty() ? "nothing" : to_string(findings[0].id));
    bool is_new = false;
    expect_old_or_new(flash, is_new);
    return is_new ? "new" : "old";
  }

  const TwoStores stores;
  NorModel flash = stores.before;
  const std::uint32_t next = queue_of(flash).header;
  WriteHeader header = load<WriteHeader>(flash.cells(), next);
  WriteRecord record = load<WriteRecord>(flash.cells(), next);
};

// Every pair of states that a write of one record can be in, and those of the second of two: what is in the store's
// place afterwards is what stock firmware would put there.
TEST_F(WorkArea, InEachStateIsTakenAsStockFirmwareTakesIt) {
  const std::vector<std::byte> old_store = store_of(flash);
  std::size_t restarted = 0;
  for (const std::uint8_t header_state : std::initializer_list<std::uint8_t>{0xFF, 0xFE, 0xFC, 0xF8}) {
    for (const std::uint8_t first_state : std::initializer_list<std::uint8_t>{0xFF, 0xFD, 0xF9}) {
      for (const std::uint8_t second_state : std::initializer_list<std::uint8_t>{0x00, 0xFF, 0xFD, 0xF9}) {
        flash = stores.before;
        std::copy(stores.after.begin(), stores.after.end(), flash.cells().begin() + small_layout.spare);
        header.state = header_state;
        header.writes = second_state == 0 ? 1 : 2;
        record.state = first_state;
        put();
        if (second_state != 0) {
          record.state = second_state;
          std::memcpy(flash.cells().data() + next + write_size, &record, sizeof(record));
        }
        if (header_state == 0xFF && (first_state == 0xFD || second_state == 0xFD)) {
          continue;  // stock firmware marks the header first, and so does this driver
        }
        std::vector<std::byte> volume = flash.cells();
        const std::vector<StockAction> actions = StockReader(volume, small_layout).start();
        restarted += static_cast<std::size_t>(std::ranges::count(actions, StockAction::restarted));
        const std::vector<std::byte> expected(volume.begin(), volume.begin() + small_region);
        ASSERT_TRUE(expected == stores.after || expected == old_store);
        Machine machine(flash, small_layout);
        ASSERT_TRUE(machine.started.has_value());
        EXPECT_EQ(store_of(machine.flash), expected)
            << int{header_state} << " " << int{first_state} << " " << int{second_state};
        EXPECT_EQ(queue_of(machine.flash).state, WriteState::idle);
      }
    }
  }
  EXPECT_GT(restarted, 4u);
}

TEST_F(WorkArea, WithAPendingWrite) {
  put();
  EXPECT_EQ(found(FindingId::write_unfinished), "new");
}

TEST_F(WorkArea, WithAWriteThatIsNotComplete) {
  record.state = 0xFF;
  put();
  EXPECT_EQ(found(FindingId::write_abandoned), "old");
}

TEST_F(WorkArea, WithAHeaderAlone) {
  std::memcpy(flash.cells().data() + next, &header, sizeof(header));
  EXPECT_EQ(found(FindingId::write_abandoned), "old");
}

TEST_F(WorkArea, WithAWriteThatIsDoneButNotMarked) {
  record.state = 0xF9;
  put();
  EXPECT_EQ(found(FindingId::write_unmarked), "old");
}

TEST_F(WorkArea, WithTheLastOfSeveralWritesPending) {
  header.writes = 3;
  header.private_data_size = 24;
  std::memcpy(flash.cells().data() + next, &header, sizeof(header));
  record.state = 0xF9;
  for (std::uint32_t index = 0; index < 3; ++index) {
    std::memcpy(flash.cells().data() + next + sizeof(header) + index * 64, &record, sizeof(record));
    record.state = index == 1 ? 0xFD : 0xF9;
  }
  EXPECT_EQ(found(FindingId::write_unfinished), "new");
}

TEST_F(WorkArea, WithAPendingWriteOfSomethingElse) {
  put();
  flash.cells()[small_layout.spare + 40] = std::byte{0};
  EXPECT_EQ(found(FindingId::write_refused), "old");
}

TEST_F(WorkArea, WithAPendingWriteOfBlocksBehindTheFirst) {
  // The spare area's first block goes where the store's second one is.
  record.block = 1;
  record.offset = 0;
  record.length = small_layout.block_size;
  record.relative_offset = std::int64_t{small_layout.block_size} - std::int64_t{small_layout.spare};
  std::fill_n(flash.cells().begin() + small_layout.spare, small_layout.block_size, std::byte{0xFF});
  std::fill_n(flash.cells().begin() + small_layout.block_size, small_layout.block_size, std::byte{0x11});
  put();
  EXPECT_EQ(found(FindingId::write_unfinished), "old");
}

TEST_F(WorkArea, WithAWriteToSomewhereElse) {
  const WriteRecord sound = record;
  const auto refused = [&](auto change) {
    record = sound;
    change(record);
    put();
    EXPECT_EQ(found(FindingId::write_refused), "old");
  };
  refused([](WriteRecord& changed) { changed.relative_offset += 1; });
  refused([](WriteRecord& changed) { changed.relative_offset = INT64_MIN; });
  refused([](WriteRecord& changed) { changed.block = 4; });
  refused([](WriteRecord& changed) { changed.block = 1; });
  refused([](WriteRecord& changed) { changed.block = UINT64_MAX; });
  refused([](WriteRecord& changed) { changed.length = small_layout.spare_size; });
  refused([](WriteRecord& changed) { changed.length = UINT64_MAX; });
  refused([](WriteRecord& changed) { changed.offset = 0, changed.length = 0; });
  refused([](WriteRecord& changed) { changed.state = 0xFC; });
}

TEST_F(WorkArea, WithSizesThatLeadNowhere) {
  const WriteHeader sound = header;
  for (const std::uint64_t number : {std::uint64_t{100}, std::uint64_t{1} << 58, UINT64_MAX}) {
    header = sound;
    header.writes = number;
    put();
    EXPECT_EQ(found(FindingId::work_queue), "old");
    header.state = 0xF8;
    put();
    EXPECT_EQ(found(FindingId::work_queue), "old");
    header = sound;
    header.private_data_size = number == 100 ? 8000 : number;
    put();
    EXPECT_EQ(found(FindingId::work_queue), "old");
  }
}

TEST_F(WorkArea, WithRemainsBehindItsQueue) {
  for (const std::uint32_t offset : {1u, 39u, 80u, 2000u, small_layout.work + small_layout.work_size - next - 1}) {
    flash = stores.before;
    flash.cells()[next + offset] = std::byte{0xF7};
    EXPECT_EQ(found(FindingId::work_remains), "old");
  }
}

TEST_F(WorkArea, ErasedOrDamaged) {
  std::mt19937 random(3);
  for (int way = 0; way < 8; ++way) {
    flash = stores.before;
    put();
    for (std::uint32_t index = 0; index < small_layout.work_size; ++index) {
      std::byte& cell = flash.cells()[small_layout.work + index];
      if (way == 0) {
        cell = std::byte{0xFF};
      } else if (way == 1) {
        cell = std::byte{0};
      } else if (way == 2) {
        cell = static_cast<std::byte>(random());
      } else if (way == 3 && index < small_layout.work_size / 2) {
        cell = std::byte{0xFF};
      }
    }
    // Each part of the header.
    constexpr std::uint32_t parts[] = {0, 16, 20, 24};
    if (way >= 4) {
      flash.cells()[small_layout.work + parts[way - 4]] &= std::byte{0x11};
    }
    EXPECT_EQ(found(FindingId::work_header), "old");
  }
}

TEST(FaultTolerantWrite, APowerCutWhileTheWorkAreaIsWrittenAnewIsHarmless) {
  const TwoStores stores;
  for (std::uint64_t step = 0; step < 40; ++step) {
    for (std::uint32_t seed = 0; seed < 40; ++seed) {
      NorModel flash = stores.before;
      // Behind the queue something is written, therefore the area is written anew at the next start.
      flash.cells()[small_layout.work + 3000] = std::byte{0};
      flash.cut_power_at(step, seed);
      static_cast<void>(LoneWrite(flash, small_layout).prepare());
      flash.power_up();
      bool is_new = false;
      ASSERT_NO_FATAL_FAILURE(expect_old_or_new(flash, is_new)) << step;
      ASSERT_FALSE(is_new);
    }
  }
}

}  // namespace
}  // namespace redoubt::variable
