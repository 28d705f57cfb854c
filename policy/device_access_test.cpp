// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "policy/device_access.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace redoubt::policy {
namespace {

constexpr OutsideRange ranges[] = {
    {0x4000, 0x2000, RangeAccess::drivers, RangeCache::uncached, "flash"},
    {0x6000, 0x1000, RangeAccess::supervisor_only, RangeCache::uncached, "local APIC"},
    {UINT64_MAX - 0xFFF, 0x1000, RangeAccess::drivers, RangeCache::uncached, "the last"}};
constexpr PortRange ports[] = {{0x608, 4}, {0x80, 1}};
constexpr DriverRegister registers[] = {{0xB2, 1, RegisterWrite::forget_command, 0, "forgets"},
                                        {0xB3, 1, RegisterWrite::nothing, 0, "sees"},
                                        {0x630, 4, RegisterWrite::change, 0x2000, "switches"},
                                        {0x664, 2, RegisterWrite::clear, 0x000A, "hides"}};
constexpr PortGrants grants = {ports, registers};

// Only a verdict makes what the board's functions take.
static_assert(!std::is_constructible_v<GrantedRead, std::uint16_t, std::uint8_t>);
static_assert(!std::is_default_constructible_v<GrantedRead> && !std::is_default_constructible_v<GrantedWrite>);
static_assert(!std::is_constructible_v<GrantedWrite, DriverRegister, std::uint32_t>);
static_assert(std::is_copy_constructible_v<GrantedWrite>);

TEST(DeviceAccess, MemoryIsGrantedWithinOneRangeOfDrivers) {
  EXPECT_TRUE(driver_may_use_memory(ranges, 0x4000, 0x2000));
  EXPECT_TRUE(driver_may_use_memory(ranges, 0x5FFF, 1));
  EXPECT_FALSE(driver_may_use_memory(ranges, 0x5FFF, 2));
  EXPECT_FALSE(driver_may_use_memory(ranges, 0x3FFF, 2));
  EXPECT_FALSE(driver_may_use_memory(ranges, 0x6000, 1)) << "ring 0's";
  EXPECT_FALSE(driver_may_use_memory(ranges, 0x4000, 0)) << "nothing at all";
  EXPECT_FALSE(driver_may_use_memory(ranges, 0x4000, UINT64_MAX));
  EXPECT_TRUE(driver_may_use_memory(ranges, UINT64_MAX, 1));
  EXPECT_FALSE(driver_may_use_memory(ranges, UINT64_MAX, 2)) << "wraps";
  EXPECT_FALSE(driver_may_use_memory({}, 0x4000, 1)) << "an empty list grants nothing";
}

TEST(DeviceAccess, PortsAreGrantedWhole) {
  EXPECT_TRUE(driver_may_use_port(ports, 0x608, 4));
  EXPECT_TRUE(driver_may_use_port(ports, 0x60B, 1));
  EXPECT_TRUE(driver_may_use_port(ports, 0x80, 1));
  EXPECT_FALSE(driver_may_use_port(ports, 0x80, 2));
  EXPECT_FALSE(driver_may_use_port(ports, 0x60B, 2));
  EXPECT_FALSE(driver_may_use_port(ports, 0x607, 1));
  for (const std::uint64_t width : {0ULL, 3ULL, 8ULL, ~0ULL}) EXPECT_FALSE(driver_may_use_port(ports, 0x608, width));
  EXPECT_FALSE(driver_may_use_port(ports, 0x10608, 1));
  EXPECT_FALSE(driver_may_use_port(ports, UINT64_MAX, 1));
  EXPECT_FALSE(driver_may_use_port({}, 0x608, 1));
  EXPECT_EQ(driver_ports_end(ports), 0x60Cu);
  EXPECT_EQ(driver_ports_end({}), 0u);
}

TEST(DeviceAccess, ReadsAreOfPortsAndOfRegistersInTheirWidth) {
  const auto timer = judge_read(grants, 0x608, 4);
  ASSERT_TRUE(timer);
  EXPECT_EQ(timer->port(), 0x608);
  EXPECT_EQ(timer->width(), 4);
  EXPECT_TRUE(judge_read(grants, 0xB2, 1));
  EXPECT_TRUE(judge_read(grants, 0xB3, 1));
  EXPECT_FALSE(judge_read(grants, 0xB2, 2));
  EXPECT_FALSE(judge_read(grants, 0x630, 1));
  EXPECT_FALSE(judge_read(grants, 0x631, 4));
  EXPECT_FALSE(judge_read(grants, std::uint64_t{0x10000} + 0xB2, 1));
  EXPECT_FALSE(judge_read(grants, 0xCF9, 1));
  EXPECT_FALSE(judge_read({}, 0x608, 4));
}

TEST(DeviceAccess, WritesHaveNoBitsButWritableOnes) {
  const auto timer = judge_write(grants, 0x608, 4, 0x1234'5678);
  ASSERT_TRUE(timer);
  EXPECT_EQ(timer->how(), RegisterWrite::everything);
  EXPECT_EQ(timer->value(), 0x1234'5678u);
  const auto change = judge_write(grants, 0x630, 4, UINT32_MAX);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->how(), RegisterWrite::change);
  EXPECT_EQ(change->value(), 0x2000u);
  EXPECT_EQ(change->writable(), 0x2000u);
  const auto clear = judge_write(grants, 0x664, 2, 0x0008);
  ASSERT_TRUE(clear);
  EXPECT_EQ(clear->how(), RegisterWrite::clear);
  EXPECT_EQ(clear->value(), 0x0008u);
}

TEST(DeviceAccess, NoCommandIsWrittenButItsEnd) {
  ASSERT_TRUE(judge_write(grants, 0xB2, 1, 0));
  EXPECT_EQ(judge_write(grants, 0xB2, 1, 0)->how(), RegisterWrite::forget_command);
  for (std::uint32_t value = 1; value < 0x200; ++value) EXPECT_FALSE(judge_write(grants, 0xB2, 1, value)) << value;
  EXPECT_FALSE(judge_write(grants, 0xB3, 1, 0));
  EXPECT_FALSE(judge_write(grants, 0xCF9, 1, 6));
  EXPECT_FALSE(judge_write(grants, 0x60A, 4, 0));
  EXPECT_FALSE(judge_write({}, 0x608, 4, 0));
}

}  // namespace
}  // namespace redoubt::policy
