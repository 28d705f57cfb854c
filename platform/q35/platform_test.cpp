// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "platform/q35/platform.hpp"

#include <gtest/gtest.h>

#include "arch/ports.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::platform {
namespace {

TEST(Platform, RangesAreWholePagesAndDisjoint) {
  for (const OutsideRange& range : outside_ranges) {
    EXPECT_EQ(range.base % 0x1000, 0u);
    EXPECT_EQ(range.size % 0x1000, 0u);
    for (const OutsideRange& other : outside_ranges) {
      if (&range != &other) {
        EXPECT_TRUE(range.base + range.size <= other.base || other.base + other.size <= range.base);
      }
    }
  }
}

TEST(Platform, DriversGetTheTimerAlone) {
  EXPECT_TRUE(driver_may_use_port(0x608, 4));
  EXPECT_TRUE(driver_may_use_port(0x60B, 1));
  EXPECT_FALSE(driver_may_use_port(0x60B, 2));
  EXPECT_FALSE(driver_may_use_port(0x607, 1));
  EXPECT_FALSE(driver_may_use_port(0x608, 0));
  EXPECT_FALSE(driver_may_use_port(0x608, 8));
  EXPECT_FALSE(driver_may_use_port(0x10608, 1));
  EXPECT_FALSE(driver_may_use_port(0xFFFF'FFFF'FFFF'FFFF, 1));
  EXPECT_FALSE(driver_may_use_port(q35::debug_console_port, 1));
  EXPECT_FALSE(driver_may_use_port(q35::apm_command_port, 1));
  EXPECT_EQ(driver_ports_end(), 0x60Cu);
}

TEST(Platform, LogNeedsTheConsole) {
  arch::fake::machine() = {};
  write_log("nobody listens");
  EXPECT_TRUE(arch::fake::machine().port_text.empty());
  arch::fake::machine().ports[q35::debug_console_port] = q35::debug_console_signature;
  write_log("hello\n");
  EXPECT_EQ(arch::fake::machine().port_text[q35::debug_console_port], "hello\n");
}

}  // namespace
}  // namespace redoubt::platform
