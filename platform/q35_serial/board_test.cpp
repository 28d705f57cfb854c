// SPDX-License-Identifier: BSD-2-Clause-Patent
// Beside q35, which this board shares all else with.
#include "platform/board.hpp"

#include <gtest/gtest.h>

#include <string>

#include "arch/ports.hpp"

namespace redoubt::platform {
namespace {

static_assert(&board::grants == &q35_serial::grants, "this test is built for q35_serial");
static_assert(board::timer_hertz == q35::timer_hertz && board::command_port == q35::command_port);

TEST(Q35SerialGrants, DriversGetTheDebugConsoleMoreThanOnQ35) {
  const auto may_use = [](const policy::BoardGrants& grants, std::uint64_t port) {
    return policy::driver_may_use_port(grants.ports.ranges, port, 1);
  };
  for (std::uint32_t port = 0; port < 0x10000; ++port) {
    ASSERT_EQ(may_use(board::grants, port), may_use(q35::grants, port) || port == 0x402) << port;
  }
  EXPECT_FALSE(may_use(board::grants, q35::serial_console_port)) << "MM's log";
  EXPECT_EQ(board::grants.ports.registers.data(), q35::grants.ports.registers.data());
  EXPECT_EQ(board::grants.ranges.data(), q35::grants.ranges.data());
}

// What was sent to COM1, while its divisor wasn't shown there; nothing else is written to.
std::string sent() {
  std::string text;
  bool divisor_shown = false;
  for (const arch::fake::PortWrite& write : arch::fake::machine().port_writes) {
    EXPECT_GE(write.port, 0x3F8);
    EXPECT_LE(write.port, 0x3FF);
    if (write.port == 0x3FB) divisor_shown = (write.value & 0x80) != 0;
    if (write.port == 0x3F8 && !divisor_shown) text += static_cast<char>(write.value);
  }
  EXPECT_TRUE(arch::fake::machine().port_text.empty());
  return text;
}

TEST(Q35SerialLog, GoesToCom1OnLinesOfItsOwn) {
  arch::fake::machine() = {};
  arch::fake::machine().ports[0x402] = 0xE9;
  arch::fake::machine().ports[0x3FB] = 0x03;
  arch::fake::machine().ports[0x3FD] = 0x20;
  start_log();
  EXPECT_EQ(sent(), "");
  write_log("redoubt: one\n");
  write_log("redoubt: ");
  write_log("two");
  write_log("\n\nthree\n");
  EXPECT_EQ(sent(), "\r\nredoubt: one\r\n\r\nredoubt: two\r\n\r\nthree\r\n");
}

TEST(Q35SerialLog, APortThatTakesNothingIsGivenUp) {
  arch::fake::machine() = {};
  arch::fake::machine().ports[0x3FD] = 0;
  write_log("redoubt: one\n");
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(arch::fake::machine().port_writes.size(), 2u) << "one wait for a line, and the line control around it";
}

}  // namespace
}  // namespace redoubt::platform
