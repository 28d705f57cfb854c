// SPDX-License-Identifier: BSD-2-Clause-Patent
// HOB lists as a hostile or broken PEI could leave them.
#include "foundation/hob_list.hpp"
#include "abi/pi/hob.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "foundation/testing/launch_input.hpp"
#include "foundation/testing/machine.hpp"

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
      testing::resource_hob(0x100000, 0x1000),
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
      testing::volume_hob(mmram_base + 0x1000, 0x1000),
  }));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->kept, 1U);
  EXPECT_EQ(summary->dropped, 6U);
}

TEST(HobList, DropsResourcesThatOverlapEarlierOnes) {
  const auto summary = measure(testing::hob_list({
      testing::resource_hob(0, UINT64_MAX),  // claims MMRAM, and no later one suffers for it
      testing::resource_hob(0x1000, 0x1000),
      testing::resource_hob(0x2000, 0x1000),  // its neighbour
      testing::resource_hob(0x1FFF, 1),       // inside the first
      testing::resource_hob(0, 0x1001),       // one byte of it
      testing::resource_hob(0x2FFF, 0x1000),
      testing::resource_hob(0x2800, 0),  // nothing
      testing::memory_allocation_hob(0x1000, 0x1000),
  }));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->kept, 5U);
  EXPECT_EQ(summary->dropped, 4U);
}

TEST(HobList, PortsAndMemoryDoNotOverlap) {
  ByteVector ports = testing::resource_hob(0x6000, 0x4000);
  const std::uint32_t io = 2;
  std::memcpy(ports.data() + offsetof(abi::HobResourceDescriptor, resource_type), &io, sizeof(io));
  const auto summary = measure(testing::hob_list({testing::resource_hob(0, 0xA0000), ports, ports}));
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->kept, 3U);
  EXPECT_EQ(summary->dropped, 1U);
}

TEST(HobList, DropsModulesWhoseEntryPointLiesElsewhere) {
  const auto module = [](std::uint64_t base, std::uint64_t size, std::uint64_t entry, std::size_t length) {
    ByteVector hob = testing::memory_allocation_hob(base, size);
    hob.resize(length);
    const auto hob_length = static_cast<std::uint16_t>(length);
    std::memcpy(hob.data() + 2, &hob_length, sizeof(hob_length));
    const abi::Guid name = abi::memory_allocation_module_guid;
    std::memcpy(hob.data() + 8, &name, sizeof(name));
    if (length >= 72) std::memcpy(hob.data() + 64, &entry, sizeof(entry));
    return hob;
  };
  const auto kept = [&](const ByteVector& hob) {
    const auto summary = measure(testing::hob_list({hob}));
    return summary.has_value() && summary->kept == 2;
  };
  EXPECT_TRUE(kept(module(0x100000, 0x1000, 0x100000, 72)));
  EXPECT_TRUE(kept(module(0x100000, 0x1000, 0x100FFF, 72)));
  EXPECT_FALSE(kept(module(0x100000, 0x1000, 0x101000, 72)));
  EXPECT_FALSE(kept(module(0x100000, 0x1000, 0xFFFFF, 72)));
  EXPECT_FALSE(kept(module(0x100000, 0, 0x100000, 72)));
  EXPECT_FALSE(kept(module(mmram_base, 0x1000, mmram_base, 72)));
  EXPECT_FALSE(kept(module(0x100000, 0x1000, 0x100000, 64))) << "no room for an entry point";
}

TEST(HobList, DropsMapsOfMmramThatContradictThemselves) {
  const auto map = [](const abi::Guid& name, std::uint32_t count, std::vector<abi::MmramDescriptor> descriptors) {
    ByteVector data(sizeof(abi::MmramDescriptorBlock) + descriptors.size() * sizeof(abi::MmramDescriptor));
    const abi::MmramDescriptorBlock block{count, 0};
    std::memcpy(data.data(), &block, sizeof(block));
    if (!descriptors.empty()) {
      std::memcpy(data.data() + sizeof(block), descriptors.data(), data.size() - sizeof(block));
    }
    return testing::guid_hob(name, data);
  };
  const auto kept = [&](const ByteVector& hob) {
    const auto summary = measure(testing::hob_list({hob}));
    return summary.has_value() && summary->kept == 2;
  };
  using Descriptor = abi::MmramDescriptor;
  const Descriptor low{mmram_base, mmram_base, 0x1000, 0};
  const Descriptor high{mmram_base + 0x1000, mmram_base + 0x1000, 0x1000, 0};
  for (const abi::Guid& name : {abi::smram_memory_hob_guid, abi::mmram_memory_reserve_hob_guid}) {
    EXPECT_TRUE(kept(map(name, 2, {low, high})));
    EXPECT_TRUE(kept(map(name, 0, {})));
    EXPECT_FALSE(kept(map(name, 3, {low, high})));
    EXPECT_FALSE(kept(map(name, UINT32_MAX, {low, high})));
    EXPECT_FALSE(kept(map(name, 2, {low, low})));
    EXPECT_FALSE(kept(map(name, 2, {low, Descriptor{mmram_base + 0xFFF, mmram_base + 0xFFF, 1, 0}})));
    EXPECT_FALSE(kept(map(name, 1, {Descriptor{UINT64_MAX - 0xFFF, 0, 0x1001, 0}})));
    EXPECT_FALSE(kept(testing::guid_hob(name, {})));
  }
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
  EXPECT_EQ(machine.supervisor.driver_rights(address), abi::read_only);
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
