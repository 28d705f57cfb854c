// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/inspection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "drivers/variable/board.hpp"
#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/spare_store.hpp"
#include "drivers/variable/store/write_queue.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::byte> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return bytes(text);
}

// What the records do in this test: sizes of 68 bytes each, from 100 on.
constexpr std::uint32_t first = 100;
constexpr std::uint32_t second = 168;
constexpr std::uint32_t tail = 236;

class Records : public testing::Test {
 protected:
  Records() {
    static_cast<void>(machine.set(u"X", attribute::nv_bs_rt, "1"));
    static_cast<void>(machine.set(u"Y", attribute::nv_bs_rt, "2"));
    cells = machine.flash.cells();
  }
  template <typename T>
  void put(std::size_t offset, T value) {
    std::memcpy(cells.data() + offset, &value, sizeof(value));
  }
  void set_state(std::uint32_t record, std::uint8_t state) { put(record + 2, state); }
  void same_name() { put(second + 60, 'X'); }
  std::vector<Finding> findings() const { return inspect(cells, small_layout); }
  std::optional<DamagedStore> damaged() const { return find_damaged_store(cells, small_layout); }
  static std::vector<std::uint32_t> places(const std::vector<FoundVariable>& variables) {
    std::vector<std::uint32_t> offsets;
    std::ranges::transform(variables, std::back_inserter(offsets), &FoundVariable::offset);
    return offsets;
  }

  Machine machine;
  std::vector<std::byte> cells;
};

TEST(Inspection, HasNothingToSayAboutStockVolumes) {
  EXPECT_THAT(inspect(read_file("/usr/share/OVMF/OVMF_VARS_4M.fd"), board::layout), IsEmpty());
  EXPECT_THAT(inspect(read_file("/usr/share/OVMF/OVMF_VARS_4M.ms.fd"), board::layout), IsEmpty());
}

TEST(Inspection, OfABlankVolume) {
  const std::vector<std::byte> blank(small_flash, std::byte{0xFF});
  EXPECT_THAT(inspect(blank, small_layout),
              ElementsAre(Finding{0, Severity::note, FindingId::blank},
                          Finding{small_layout.work, Severity::note, FindingId::work_header}));
}

TEST(Inspection, EachFindingHasAText) {
  for (std::uint8_t id = 0; id <= static_cast<std::uint8_t>(FindingId::record_attributes); ++id) {
    EXPECT_STRNE(to_string(static_cast<FindingId>(id)), "unknown");
  }
}

TEST_F(Records, AreAsTheyShouldBe) { EXPECT_THAT(findings(), IsEmpty()); }

TEST_F(Records, VolumeHeaderThatIsUsableAllTheSame) {
  put(50, std::uint16_t{1});
  EXPECT_THAT(findings(), ElementsAre(Finding{0, Severity::warning, FindingId::volume_checksum}));
  // The sum of the header's words stays right.
  put(50, std::uint16_t{0});
  put(32, std::uint64_t{0x8000});
  std::uint16_t sum = 0;
  for (std::size_t offset = 0; offset < sizeof(format::VolumeHeader); offset += 2) {
    sum = static_cast<std::uint16_t>(sum + load<std::uint16_t>(cells, offset));
  }
  put(50, static_cast<std::uint16_t>(0 - sum));
  EXPECT_THAT(findings(), ElementsAre(Finding{0, Severity::warning, FindingId::volume_length}));
}

TEST_F(Records, Interrupted) {
  set_state(second, 0x7F);
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::note, FindingId::record_interrupted}));
}

TEST_F(Records, DeletedInAnyWay) {
  for (const std::uint8_t state : std::initializer_list<std::uint8_t>{0x3C, 0x3D, 0x7D, 0x7C, 0xFD}) {
    set_state(second, state);
    EXPECT_THAT(findings(), IsEmpty());
  }
}

TEST_F(Records, OfNoPossibleState) {
  set_state(second, 0x2F);
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::warning, FindingId::record_state}));
}

TEST_F(Records, BeingReplaced) {
  set_state(first, 0x3E);
  EXPECT_THAT(findings(), IsEmpty());
  same_name();
  EXPECT_THAT(findings(), ElementsAre(Finding{first, Severity::note, FindingId::record_replaced}));
  set_state(second, 0x3E);
  EXPECT_THAT(findings(), ElementsAre(Finding{first, Severity::note, FindingId::record_replaced}));
  set_state(first, 0x3F);
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::note, FindingId::record_replaced}));
}

TEST_F(Records, Twice) {
  same_name();
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::warning, FindingId::record_duplicate}));
}

TEST_F(Records, WithImpossibleNamesDataOrAttributes) {
  put(second + 60, std::uint16_t{0});
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::damage, FindingId::record_name}));
  put(second + 60, u'Y');
  put(second + 62, u'Y');
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::damage, FindingId::record_name}));
  put(second + 62, u'\0');
  put(second + 36, std::uint32_t{3});
  put(second + 40, std::uint32_t{2});
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::damage, FindingId::record_name}));
  put(second + 36, std::uint32_t{4});
  put(second + 40, std::uint32_t{0});
  put(second + 64, std::uint32_t{UINT32_MAX});
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::damage, FindingId::record_empty}));
  put(second + 40, std::uint32_t{1});
  for (const std::uint32_t attributes : {6U, 1U, 0x47U, 0x80000007U}) {
    put(second + 4, attributes);
    EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::warning, FindingId::record_attributes}));
  }
}

TEST_F(Records, ThatLeadNowhere) {
  put(first + 40, UINT32_MAX - 1);
  EXPECT_THAT(findings(), ElementsAre(Finding{first, Severity::damage, FindingId::record_unreachable}));
  put(first + 40, std::uint32_t{small_region});
  EXPECT_THAT(findings(), ElementsAre(Finding{first, Severity::damage, FindingId::record_unreachable}));
}

// Nothing lies behind it, and its own value is out of reach all the same.
TEST_F(Records, TheLastOneThatLeadsNowhereIsDamage) {
  put(second + 40, std::uint32_t{small_region});
  EXPECT_TRUE(damaged().has_value());
  Machine other(NorModel(cells), small_layout);
  ASSERT_FALSE(other.started.has_value());
  EXPECT_EQ(other.started.error(), Error::malformed);
}

TEST_F(Records, BehindTheLastOne) {
  put(tail, std::uint8_t{0xAB});
  EXPECT_THAT(findings(), ElementsAre(Finding{tail, Severity::note, FindingId::record_interrupted}));
  put(tail, std::uint8_t{0x2A});
  EXPECT_THAT(findings(), ElementsAre(Finding{tail, Severity::warning, FindingId::record_tail}));
  EXPECT_FALSE(damaged().has_value());
  put(tail, std::uint8_t{0xFF});
  put(small_region - 1, std::uint8_t{0});
  EXPECT_THAT(findings(), ElementsAre(Finding{tail, Severity::warning, FindingId::record_tail}));
  EXPECT_FALSE(damaged().has_value());
  put(small_region - 1, std::uint8_t{0xFF});
  // What a variable was whose header is gone.
  std::copy_n(cells.begin() + second + 60, 8, cells.begin() + tail + 60);
  EXPECT_THAT(findings(), ElementsAre(Finding{tail, Severity::warning, FindingId::record_tail}));
}

// A cut left a header without a state, stock firmware appended behind it.
TEST_F(Records, BehindATornHeaderAreInReach) {
  std::copy_n(cells.begin() + second, 68, cells.begin() + second + 60);
  for (const std::uint32_t field : {2U, 4U, 36U, 40U}) {
    std::fill_n(cells.begin() + second + field, field == 2 ? 1 : 4, std::byte{0xFF});
    set_state(second, field == 2 ? 0xFF : 0x7F);
    EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::note, FindingId::record_interrupted})) << field;
    EXPECT_FALSE(damaged().has_value());
    std::copy_n(cells.begin() + second + 60, 60, cells.begin() + second);
  }
}

TEST_F(Records, WithoutTheirSizes) {
  std::copy_n(cells.begin() + second, 68, cells.begin() + tail);
  put(second + 40, UINT32_MAX);
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::damage, FindingId::record_sizes}));
  const auto store = damaged();
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ(store->damage, (Finding{second, Severity::damage, FindingId::record_sizes}));
  EXPECT_THAT(places(store->in_reach), ElementsAre(first));
  EXPECT_THAT(places(store->out_of_reach), ElementsAre(tail));
  EXPECT_THAT(store->unreadable, ElementsAre(Stretch{second, tail}));
}

// A block that was erased, with the end of a record of which the start is gone behind it.
TEST_F(Records, BehindAHole) {
  machine.set(u"Z", attribute::nv_bs_rt, "3");
  machine.set(u"Last", attribute::nv_bs, "four");
  machine.set(u"X", attribute::nv_bs_rt, "5");
  const std::uint32_t z = tail;
  const std::uint32_t last = z + 68;
  const std::uint32_t new_x = last + 76;
  cells = machine.flash.cells();
  std::fill_n(cells.begin() + second, 64, std::byte{0xFF});
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::damage, FindingId::record_unreachable}));
  const auto store = damaged();
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ(store->damage, findings().at(0));
  EXPECT_THAT(store->in_reach, IsEmpty()) << "the old X is deleted";
  ASSERT_THAT(places(store->out_of_reach), ElementsAre(z, last, new_x));
  EXPECT_THAT(store->unreadable, ElementsAre(Stretch{second, z}));
  const FoundVariable& found = store->out_of_reach[1];
  EXPECT_EQ(found.name, u"Last");
  EXPECT_EQ(found.vendor, vendor_a);
  EXPECT_EQ(found.attributes, attribute::nv_bs);
  EXPECT_EQ(found.kind, RecordKind::added);
  EXPECT_EQ(found.data, bytes("four"));
  // A second hole, and remains at the end.
  std::fill_n(cells.begin() + last, 64, std::byte{0xFF});
  put(new_x + 68 + 400, std::uint8_t{1});
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::damage, FindingId::record_unreachable}));
  EXPECT_THAT(places(damaged()->out_of_reach), ElementsAre(z, new_x));
  EXPECT_THAT(damaged()->unreadable,
              ElementsAre(Stretch{second, z}, Stretch{last, new_x}, Stretch{new_x + 68, new_x + 68 + 401}));
}

// A variable's data may look like a record; what leads from one variable to the next isn't searched.
TEST_F(Records, WithinARecordAreNone) {
  const std::string record(reinterpret_cast<const char*>(cells.data()) + first, 68);
  machine.set(u"Z", attribute::nv_bs_rt, record);
  machine.set(u"Gone", attribute::nv_bs_rt, record);
  machine.set(u"Last", attribute::nv_bs, "four");
  machine.set(u"Gone", 0, "");
  cells = machine.flash.cells();
  put(second, std::uint16_t{0});
  EXPECT_EQ(damaged()->out_of_reach.size(), 2U);
  EXPECT_EQ(damaged()->out_of_reach[1].name, u"Last");
}

TEST_F(Records, BehindOneThatIsNoVariable) {
  put(first + 62, u'X');  // no terminator
  const auto store = damaged();
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ(store->damage.id, FindingId::record_name);
  EXPECT_THAT(store->in_reach, IsEmpty());
  EXPECT_THAT(places(store->out_of_reach), ElementsAre(second));
  EXPECT_THAT(store->unreadable, ElementsAre(Stretch{first, second}));
  // A size that spans the next record as well.
  put(first + 62, u'\0');
  put(first + 36, std::uint32_t{4 + 68});
  EXPECT_EQ(damaged()->damage.id, FindingId::record_name);
  EXPECT_THAT(places(damaged()->out_of_reach), ElementsAre(second));
}

TEST_F(Records, InReachAreThoseThatReadersTake) {
  same_name();
  set_state(first, 0x3E);
  std::copy_n(cells.begin() + second, 68, cells.begin() + tail + 4);
  const auto in_reach = [&] { return places(damaged()->in_reach); };
  EXPECT_THAT(in_reach(), ElementsAre(second));
  set_state(second, 0x3E);
  EXPECT_THAT(in_reach(), ElementsAre(second));
  EXPECT_EQ(damaged()->in_reach[0].kind, RecordKind::replacing);
  set_state(first, 0x3F);
  EXPECT_THAT(in_reach(), ElementsAre(first));
  set_state(second, 0x3F);
  EXPECT_THAT(in_reach(), ElementsAre(first));
  EXPECT_THAT(places(damaged()->out_of_reach), ElementsAre(tail + 4));
}

TEST_F(Records, BehindDamagedHeaders) {
  EXPECT_FALSE(damaged().has_value());
  constexpr std::uint32_t store_header = sizeof(format::VolumeHeader);
  put(store_header + 20, std::uint8_t{0});
  auto store = damaged();
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ(store->damage, (Finding{store_header, Severity::damage, FindingId::store_format}));
  EXPECT_THAT(store->in_reach, IsEmpty());
  EXPECT_THAT(places(store->out_of_reach), ElementsAre(first, second));
  EXPECT_THAT(store->unreadable, IsEmpty());
  std::fill_n(cells.begin(), first, std::byte{0xFF});
  EXPECT_THAT(findings(), ElementsAre(Finding{0, Severity::damage, FindingId::volume_signature}));
  store = damaged();
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ(store->damage, findings().at(0));
  EXPECT_THAT(places(store->out_of_reach), ElementsAre(first, second));
  EXPECT_THAT(store->unreadable, ElementsAre(Stretch{0, first}));
}

TEST_F(Records, InTheSpareAreaAlone) {
  constexpr Finding erased = {0, Severity::damage, FindingId::store_erased};
  const Finding no_work = {small_layout.work, Severity::note, FindingId::work_header};
  std::copy_n(cells.begin(), small_region, cells.begin() + small_layout.spare);
  EXPECT_THAT(findings(), IsEmpty()) << "a copy is nothing odd";
  EXPECT_FALSE(spare_holds_store(cells, small_layout));
  for (const std::byte fill : {std::byte{0xFF}, std::byte{0}}) {
    std::fill_n(cells.begin(), small_layout.spare, fill);
    EXPECT_THAT(findings(), ElementsAre(erased, no_work));
    EXPECT_TRUE(spare_holds_store(cells, small_layout));
    const auto store = damaged();
    ASSERT_TRUE(store.has_value());
    EXPECT_EQ(store->damage, erased);
    EXPECT_THAT(places(store->out_of_reach), ElementsAre(small_layout.spare + first, small_layout.spare + second));
    EXPECT_THAT(store->unreadable, IsEmpty());
  }
  set_state(small_layout.spare + first, 0x3C);
  EXPECT_THAT(places(damaged()->out_of_reach), ElementsAre(small_layout.spare + second));
  EXPECT_THAT(damaged()->unreadable, IsEmpty()) << "what is deleted isn't lost";
  // A valid work area that knows of no write changes nothing.
  std::copy_n(machine.flash.cells().begin() + small_layout.work, small_layout.work_size,
              cells.begin() + small_layout.work);
  EXPECT_THAT(findings(), ElementsAre(erased));
  // Nothing is lost with what has no variables.
  std::fill_n(cells.begin() + small_layout.spare + first, 136, std::byte{0xFF});
  EXPECT_THAT(findings(), ElementsAre(Finding{0, Severity::note, FindingId::blank}));
  EXPECT_FALSE(damaged().has_value());
  std::copy_n(machine.flash.cells().begin(), small_region, cells.begin() + small_layout.spare);
  // Variables are there without sound headers, too.
  put(small_layout.spare + 40, std::uint8_t{0});
  EXPECT_THAT(findings(), ElementsAre(erased));
  EXPECT_TRUE(spare_holds_store(cells, small_layout));
  ASSERT_TRUE(damaged().has_value());
  EXPECT_THAT(places(damaged()->out_of_reach), ElementsAre(small_layout.spare + first, small_layout.spare + second));
}

// The inspection's damage is what keeps the driver from opening a store, and nothing else is.
TEST_F(Records, DamageIsWhatKeepsAStoreClosed) {
  machine.set(u"Another", attribute::nv_bs, std::string(300, 'a'));
  machine.set(u"X", attribute::nv_bs_rt, "5");
  const std::vector<std::byte> sound = machine.flash.cells();
  std::mt19937 random(1);
  int closed = 0;
  for (int round = 0; round < 600; ++round) {
    cells = sound;
    const std::uint32_t start = random() % 700;
    const std::uint32_t length = round % 2 == 0 ? 1 : random() % 200;
    const auto value = static_cast<std::byte>(round % 4 < 2 ? random() : 0xFF);
    std::fill_n(cells.begin() + start, length, value);
    Machine other(NorModel(cells), small_layout);
    const bool is_closed = !other.started.has_value() && other.started.error() == Error::malformed;
    EXPECT_EQ(is_closed, damaged().has_value()) << start << ' ' << length << ' ' << std::to_integer<int>(value);
    const auto all = findings();
    EXPECT_EQ(is_closed, std::ranges::find(all, Severity::damage, &Finding::severity) != all.end());
    closed += is_closed ? 1 : 0;
  }
  EXPECT_GT(closed, 60);
  EXPECT_LT(closed, 570);
}

TEST_F(Records, OfAPendingWriteAreReadFromTheSpareArea) {
  std::copy_n(cells.begin(), small_region, cells.begin() + small_layout.spare);
  std::fill_n(cells.begin(), small_region, std::byte{0xFF});
  format::WriteHeader header{0xFC, {}, {}, 0, 1, 0};
  format::WriteRecord record{0xFD, {}, 0, 0, small_region, -std::int64_t{small_layout.spare}};
  const WriteQueue queue = read_write_queue(cells, small_layout);
  put(queue.header, header);
  put(queue.header + sizeof(header), record);
  put(small_layout.spare + second + 2, std::uint8_t{0x7F});
  EXPECT_THAT(findings(), ElementsAre(Finding{second, Severity::note, FindingId::record_interrupted},
                                      Finding{queue.header, Severity::note, FindingId::write_unfinished}));
  EXPECT_FALSE(spare_holds_store(cells, small_layout));
  EXPECT_FALSE(damaged().has_value());
  put(small_layout.spare + first, std::uint16_t{0});
  put(small_layout.spare + second + 2, std::uint8_t{0x3F});
  EXPECT_THAT(findings(), Contains(Finding{first, Severity::damage, FindingId::record_unreachable}));
  EXPECT_THAT(places(damaged()->out_of_reach), ElementsAre(second)) << "where it's going to be";
}

}  // namespace
}  // namespace redoubt::variable
