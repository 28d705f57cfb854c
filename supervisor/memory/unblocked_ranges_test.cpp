// SPDX-License-Identifier: BSD-2-Clause-Patent
// Requests to unblock memory, most of them hostile, over a launched supervisor.
#include "supervisor/memory/unblocked_ranges.hpp"

#include <gtest/gtest.h>

#include <random>

#include "arch/x86_64/registers/cpuid.hpp"
#include "supervisor/testing/launched_machine.hpp"

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t low_ram_end = 0x8000'0000;
constexpr std::uint64_t high_ram = 0x1'0000'0000;
constexpr std::uint64_t high_ram_bytes = 0x4000'0000;

class UnblockedRangesTest : public ::testing::Test {
 protected:
  UnblockedRangesTest() {
    namespace cpuid = arch::cpuid;
    arch::fake::machine().cpuid[{cpuid::extended_basic, 0}].eax = cpuid::extended_features;
    arch::fake::machine().cpuid[{cpuid::extended_features, 0}].edx = cpuid::extended_edx_nx;
    EXPECT_TRUE(machine_.launch().has_value());
    record_ = machine_.supervisor().launch;
    record_.memory_count = 2;
    record_.memory[0] = {0, low_ram_end};
    record_.memory[1] = {high_ram, high_ram_bytes};
  }

  Result<bool> unblock(std::uint64_t address, std::uint64_t pages) {
    return ranges_.unblock(record_, memory(), PhysicalAddress(address), pages);
  }
  MemoryMap& memory() { return machine_.supervisor().memory; }
  bool mapped(DomainId domain, std::uint64_t address) {
    return memory().space(domain).find(LinearAddress(address)).has_value();
  }
  void expect_refused(std::uint64_t address, std::uint64_t pages, Error error) {
    const std::size_t before = ranges_.ranges().size();
    const auto result = unblock(address, pages);
    ASSERT_FALSE(result.has_value()) << std::hex << address << " " << pages;
    EXPECT_EQ(result.error(), error) << std::hex << address << " " << pages;
    EXPECT_EQ(ranges_.ranges().size(), before);
  }

  testing::LaunchedMachine machine_;
  abi::LaunchRecord record_{};
  UnblockedRanges ranges_;
};

TEST_F(UnblockedRangesTest, OpensToDriversAloneAndNeverForExecution) {
  EXPECT_EQ(unblock(0x1000'0000, 3), true);
  const auto found = memory().space(DomainId::drivers).find(LinearAddress(0x1000'2FFF));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->physical, PhysicalAddress(0x1000'2FFF));
  EXPECT_EQ(found->rights, (PageRights{.user = true, .write = true}));
  EXPECT_FALSE(mapped(DomainId::drivers, 0x0FFF'FFFF));
  EXPECT_FALSE(mapped(DomainId::drivers, 0x1000'3000));
  EXPECT_FALSE(mapped(DomainId::foundation, 0x1000'0000));
  EXPECT_FALSE(memory().driver_may(abi::read_only, Range<DriverSpace>::create(DriverAddress(0x1000'0000), 1).value()))
      << "no copy touches it";
  EXPECT_EQ(unblock(high_ram + high_ram_bytes - page_bytes, 1), true);
  EXPECT_TRUE(mapped(DomainId::drivers, high_ram + high_ram_bytes - 1));
  EXPECT_EQ(ranges_.ranges().size(), 2U);
}

TEST_F(UnblockedRangesTest, WhatIsOpenMayBeAskedForAgain) {
  EXPECT_EQ(unblock(0x1000'0000, 4), true);
  EXPECT_EQ(unblock(0x1000'0000, 4), false);
  EXPECT_EQ(unblock(0x1000'3000, 1), false);
  EXPECT_EQ(ranges_.ranges().size(), 1U);
  expect_refused(0x1000'3000, 2, Error::access_denied);
  expect_refused(0x0FFF'F000, 2, Error::access_denied);
  EXPECT_FALSE(mapped(DomainId::drivers, 0x1000'4000));
  EXPECT_FALSE(mapped(DomainId::drivers, 0x0FFF'F000));
  EXPECT_EQ(unblock(0x1000'4000, 1), true);
}

TEST_F(UnblockedRangesTest, NothingButRamIsOpened) {
  constexpr std::uint64_t all = ~std::uint64_t{0};
  expect_refused(0, 1, Error::access_denied);
  expect_refused(0x1000'0001, 1, Error::invalid_argument);
  expect_refused(0x1000'0000, 0, Error::invalid_argument);
  expect_refused(low_ram_end, 1, Error::access_denied);
  expect_refused(low_ram_end - page_bytes, 2, Error::access_denied);
  expect_refused(high_ram - page_bytes, 2, Error::access_denied);
  expect_refused(high_ram + high_ram_bytes, 1, Error::access_denied);
  expect_refused(platform::board::local_apic_base, 1, Error::access_denied);
  expect_refused(platform::board::grants.ranges[0].base, 1, Error::access_denied);
  for (const std::uint64_t pages : {all, all / page_bytes, all / page_bytes + 1, all - 0xFFF, std::uint64_t{1} << 63}) {
    expect_refused(0x1000'0000, pages, Error::access_denied);
    expect_refused(all & ~0xFFFULL, pages, Error::access_denied);
  }
}

// The record is the IPL's word; even if it were wrong, page tables hold no such addresses.
TEST_F(UnblockedRangesTest, RamThatCannotBeIsRefused) {
  record_.memory[1] = {0, ~std::uint64_t{0}};
  expect_refused(std::uint64_t{1} << 47, 1, Error::invalid_argument);
  expect_refused(std::uint64_t{1} << 52, 1, Error::invalid_argument);
  expect_refused((std::uint64_t{1} << 47) - page_bytes, 2, Error::invalid_argument);
  EXPECT_FALSE(mapped(DomainId::drivers, (std::uint64_t{1} << 47) - page_bytes)) << "half of it stayed open";
  // Nor does a refusal touch what the same bits lead to elsewhere.
  expect_refused((std::uint64_t{1} << 47) + testing::LaunchedMachine::comm_buffer, 1, Error::invalid_argument);
  expect_refused((std::uint64_t{1} << 48) + testing::LaunchedMachine::mmram_base, 4, Error::invalid_argument);
  EXPECT_TRUE(
      mapped(DomainId::drivers, MemoryMap::outside(PhysicalAddress(testing::LaunchedMachine::comm_buffer)).number));
  EXPECT_TRUE(mapped(DomainId::drivers, testing::LaunchedMachine::mmram_base));
  expect_refused(platform::board::local_apic_base, 1, Error::access_denied);
  expect_refused(platform::board::grants.ranges[0].base, 1, Error::access_denied);
  record_.memory_count = ~std::uint32_t{0};
  EXPECT_EQ(unblock(0x1000'0000, 1), true);
  record_.memory_count = 0;
  expect_refused(0x1100'0000, 1, Error::access_denied);
}

TEST_F(UnblockedRangesTest, MmramAndMailboxStayWhatTheyAre) {
  const std::uint64_t base = testing::LaunchedMachine::mmram_base;
  const std::uint64_t pages = testing::LaunchedMachine::mmram_pages;
  for (std::uint64_t page = base; page < base + pages * page_bytes; page += page_bytes) {
    expect_refused(page, 1, Error::access_denied);
  }
  expect_refused(base - page_bytes, 2, Error::access_denied);
  expect_refused(base - page_bytes, pages + 2, Error::access_denied);
  expect_refused(base + (pages - 1) * page_bytes, 2, Error::access_denied);
  for (std::uint64_t i = 0; i <= testing::LaunchedMachine::comm_pages; ++i) {
    expect_refused(testing::LaunchedMachine::comm_buffer + i * page_bytes, 1, Error::access_denied);
  }
  expect_refused(testing::LaunchedMachine::comm_buffer - page_bytes, 2, Error::access_denied);
}

TEST_F(UnblockedRangesTest, EndsWithTheLock) {
  EXPECT_EQ(unblock(0x1000'0000, 1), true);
  ranges_.lock();
  expect_refused(0x1000'0000, 1, Error::access_denied);
  expect_refused(0x2000'0000, 1, Error::access_denied);
  EXPECT_TRUE(mapped(DomainId::drivers, 0x1000'0000)) << "what is open stays open";
}

TEST_F(UnblockedRangesTest, HasLimits) {
  expect_refused(0x1000'0000, abi::unblocked_pages_limit + 1, Error::out_of_memory);
  for (std::uint32_t i = 0; i < abi::unblocked_limit; ++i)
    EXPECT_EQ(unblock(0x1000'0000 + i * 0x2000ULL, 1), true) << i;
  expect_refused(0x2000'0000, 1, Error::out_of_memory);
  EXPECT_EQ(unblock(0x1000'0000, 1), false);
}

TEST_F(UnblockedRangesTest, WithoutPagesForTablesNothingIsOpen) {
  while (memory().pool().free_pages() > 1) ASSERT_TRUE(memory().allocate_pages(1, {}).has_value());
  // Two tables would be needed up there, and one page is left.
  expect_refused(high_ram + 0x1FF000, 2, Error::out_of_memory);
  EXPECT_FALSE(mapped(DomainId::drivers, high_ram + 0x1FF000));
}

// Whatever is asked for, drivers see RAM of the record and nothing else of it.
TEST_F(UnblockedRangesTest, RandomRequestsOpenRamOnly) {
  std::mt19937_64 random(7);
  const std::uint64_t edges[] = {0,
                                 low_ram_end,
                                 high_ram,
                                 high_ram + high_ram_bytes,
                                 testing::LaunchedMachine::mmram_base,
                                 testing::LaunchedMachine::comm_buffer,
                                 std::uint64_t{1} << 47,
                                 ~std::uint64_t{0} & ~0xFFFULL};
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t address = edges[random() % std::size(edges)] + (random() % 9 - 4) * page_bytes;
    const std::uint64_t pages = random() % 4 == 0 ? random() >> random() % 64 : random() % 6;
    const auto result = unblock(address, pages);
    if (!result.has_value()) continue;
    const bool low = address > 0 && address < low_ram_end && pages <= (low_ram_end - address) / page_bytes;
    const bool high = address >= high_ram && address - high_ram < high_ram_bytes;
    ASSERT_TRUE(low || high) << std::hex << address << " " << pages;
    for (std::uint64_t page = 0; page < pages; ++page) {
      const auto found = memory().space(DomainId::drivers).find(LinearAddress(address + page * page_bytes));
      ASSERT_TRUE(found.has_value());
      ASSERT_EQ(found->physical, PhysicalAddress(address + page * page_bytes));
      ASSERT_FALSE(found->rights.execute);
    }
  }
  EXPECT_GT(ranges_.ranges().size(), 5U);
}

}  // namespace
}  // namespace redoubt::supervisor
