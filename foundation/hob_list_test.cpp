// SPDX-License-Identifier: BSD-2-Clause-Patent
// HOB lists as a hostile or broken PEI could leave them.
#include "foundation/hob_list.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "foundation/testing/machine.hpp"
#include "foundation/testing/volume_builder.hpp"

namespace redoubt::foundation {
namespace {

using testing::ByteVector;

constexpr std::uint64_t mmram_base = 0x7F000000;
constexpr std::uint64_t mmram_size = 0x1000000;

Result<HobListSummary> measure(const ByteVector& list) { return reduce_hob_list(list, mmram_base, mmram_size, 0, {}); }

TEST(HobList, KeepsWhatIsHarmless) {
  const auto summary = measure(testing::hob_list({
      testing::guid_hob(testing::test_guid(1), ByteVector(5)),
      testing::resource_hob(0, 0x100000),
      testing::memory_allocation_hob(0x100000, 0x1000),
      testing::volume_hob(mmram_base + 0x1000, 0x1000),
  }));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->kept, 5U);
  EXPECT_EQ(summary->dropped, 0U);
}

TEST(HobList, DropsWhatClaimsMmramOrLeadsOutOfIt) {
  const auto summary = measure(testing::hob_list({
      testing::resource_hob(mmram_base - 1, 2),
      testing::resource_hob(0, UINT64_MAX),
      testing::resource_hob(UINT64_MAX, 2),
      testing::memory_allocation_hob(mmram_base + mmram_size - 1, 1),
      testing::volume_hob(0x820000, 0x1000),
      testing::volume_hob(mmram_base, mmram_size + 1),
  }));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->kept, 1U);
  EXPECT_EQ(summary->dropped, 6U);
}

TEST(HobList, CopyNamesItsOwnEndAndForgetsPeiMemory) {
  const ByteVector list = testing::hob_list({testing::guid_hob(testing::test_guid(1), ByteVector(16))});
  const auto summary = measure(list);
  ASSERT_TRUE(summary.has_value());
  ByteVector copy(summary->bytes);
  ASSERT_TRUE(reduce_hob_list(list, mmram_base, mmram_size, 0x1000, copy).has_value());
  abi::HobHandoff handoff;
  std::memcpy(&handoff, copy.data(), sizeof(handoff));
  EXPECT_EQ(handoff.end_of_hob_list, 0x1000 + copy.size());
  EXPECT_EQ(handoff.memory_top, 0U);
}

TEST(HobList, RefusesBrokenLists) {
  const ByteVector good = testing::hob_list({testing::resource_hob(0, 0x1000)});
  EXPECT_FALSE(measure({}).has_value());
  // Cut anywhere, it has no end.
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(measure(ByteVector(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))).has_value());
  }
  const auto with = [&](std::size_t offset, std::uint16_t value) {
    ByteVector list = good;
    std::memcpy(list.data() + offset, &value, sizeof(value));
    return measure(list).has_value();
  };
  EXPECT_FALSE(with(2, 0));                            // a length that would never end
  EXPECT_FALSE(with(2, 8));                            // too short for the type
  EXPECT_FALSE(with(2, 57));                           // not a multiple of 8
  EXPECT_FALSE(with(2, 0xFFF8));                       // beyond the list
  EXPECT_FALSE(with(0, 3));                            // no hand-off HOB
  EXPECT_FALSE(with(sizeof(abi::HobHandoff), 1));      // two of them
  EXPECT_TRUE(with(sizeof(abi::HobHandoff), 0x0077));  // an unknown type is dropped
}

TEST(HobList, ReachesDriversAsAConfigurationTable) {
  testing::Machine machine;
  ASSERT_EQ(machine.launch(testing::hob_list({testing::guid_hob(testing::test_guid(9), ByteVector(8))})),
            abi::status::success);
  const abi::MmSystemTable& table = machine.mmst();
  ASSERT_EQ(table.number_of_table_entries, 1U);
  EXPECT_EQ(table.configuration_table[0].vendor_guid, abi::hob_list_table_guid);
  const auto address = address_of(table.configuration_table[0].vendor_table);
  EXPECT_EQ(machine.supervisor.driver_rights(address), abi::page_read);
  EXPECT_TRUE(machine.supervisor.logged("hobs kept=2 dropped=0"));
}

TEST(HobList, ABrokenListCostsOnlyTheTable) {
  testing::Machine machine;
  ASSERT_EQ(machine.launch(ByteVector(64)), abi::status::success);
  EXPECT_EQ(machine.mmst().number_of_table_entries, 0U);
  EXPECT_TRUE(machine.supervisor.logged("hobs.refused"));
}

}  // namespace
}  // namespace redoubt::foundation
