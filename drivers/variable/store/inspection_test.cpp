// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/inspection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "drivers/variable/board.hpp"
#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/write_queue.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
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
  put(first + 40, UINT32_MAX);
  EXPECT_THAT(findings(), ElementsAre(Finding{first, Severity::damage, FindingId::record_unreachable}));
  put(first + 40, std::uint32_t{small_region});
  EXPECT_THAT(findings(), ElementsAre(Finding{first, Severity::damage, FindingId::record_unreachable}));
}

TEST_F(Records, BehindTheLastOne) {
  put(tail, std::uint8_t{0xAB});
  EXPECT_THAT(findings(), ElementsAre(Finding{tail, Severity::note, FindingId::record_interrupted}));
  put(tail, std::uint8_t{0x2A});
  EXPECT_THAT(findings(), ElementsAre(Finding{tail, Severity::damage, FindingId::record_unreachable}));
  put(tail, std::uint8_t{0xFF});
  put(small_region - 1, std::uint8_t{0});
  EXPECT_THAT(findings(), ElementsAre(Finding{tail, Severity::note, FindingId::record_interrupted}));
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
}

}  // namespace
}  // namespace redoubt::variable
