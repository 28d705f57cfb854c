// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "platform/q35/grants.hpp"

#include <gtest/gtest.h>

namespace redoubt::platform::q35 {
namespace {

TEST(Q35Grants, RangesAreWholePagesAndDisjoint) {
  for (const policy::OutsideRange& range : grants.ranges) {
    EXPECT_EQ(range.base % 0x1000, 0u);
    EXPECT_EQ(range.size % 0x1000, 0u);
    for (const policy::OutsideRange& other : grants.ranges) {
      if (&range != &other) {
        EXPECT_TRUE(range.base + range.size <= other.base || other.base + other.size <= range.base);
      }
    }
  }
}

TEST(Q35Grants, InstructionsReachTheTimerAlone) {
  const auto may_use = [](std::uint64_t port, std::uint64_t width) {
    return policy::driver_may_use_port(grants.ports.ranges, port, width);
  };
  EXPECT_TRUE(may_use(0x608, 4));
  EXPECT_FALSE(may_use(debug_console_port, 1)) << "MM's log";
  EXPECT_FALSE(may_use(serial_console_port, 1));
  EXPECT_FALSE(may_use(apm_command_port, 1));
  for (std::uint32_t port = 0; port < 0x10000; ++port) {
    ASSERT_EQ(may_use(port, 1), port >= 0x608 && port < 0x60C) << port;
  }
}

TEST(Q35Grants, RegistersAreTheDispatchersAlone) {
  EXPECT_EQ(grants.ports.registers.size(), 4u);
  EXPECT_NE(policy::driver_register(grants.ports.registers, 0xB2, 1), nullptr);
  EXPECT_EQ(policy::driver_register(grants.ports.registers, 0xB3, 1)->write, policy::RegisterWrite::nothing);
  EXPECT_EQ(policy::driver_register(grants.ports.registers, 0x630, 4)->writable, 0x2000u);
  EXPECT_EQ(policy::driver_register(grants.ports.registers, 0x664, 2)->writable, 0x000Au);
}

TEST(Q35Grants, TheFlashOfVariablesIsDriversAndNothingBesideIt) {
  const auto may_use = [](std::uint64_t address, std::uint64_t bytes) {
    return policy::driver_may_use_memory(grants.ranges, address, bytes);
  };
  EXPECT_TRUE(may_use(0xFFC0'0000, 0x84000));
  EXPECT_FALSE(may_use(0xFFC0'0000, 0x84001));
  EXPECT_FALSE(may_use(0xFFBF'FFFF, 2));
  EXPECT_FALSE(may_use(local_apic_base, 4));
}

}  // namespace
}  // namespace redoubt::platform::q35
