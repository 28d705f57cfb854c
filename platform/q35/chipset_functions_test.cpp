// SPDX-License-Identifier: BSD-2-Clause-Patent
#include <gtest/gtest.h>

#include <format>
#include <string>

#include "arch/ports.hpp"
#include "platform/launch_control.hpp"
#include "platform/q35/chipset.hpp"
#include "platform/q35/pci_config.hpp"

namespace redoubt::platform {
namespace {

class DriverPorts : public ::testing::Test {
 protected:
  void SetUp() override { arch::fake::machine() = {}; }
  static void set(std::uint16_t port, std::uint32_t value) { arch::fake::machine().ports[port] = value; }
  // What the supervisor does for a driver that asks, with what this board grants.
  static std::optional<std::uint32_t> read_port_for_driver(std::uint64_t port, std::uint64_t width) {
    const auto read = policy::judge_read(q35::grants.ports, port, width);
    return read ? std::optional(read_for_driver(*read)) : std::nullopt;
  }
  static bool write_port_for_driver(std::uint64_t port, std::uint64_t width, std::uint32_t value) {
    const auto write = policy::judge_write(q35::grants.ports, port, width, value);
    if (write) write_for_driver(*write);
    return write.has_value();
  }
  // Writes so far as "port:value" in hexadecimal.
  static std::string writes() {
    std::string text;
    for (const arch::fake::PortWrite& write : arch::fake::machine().port_writes) {
      text += std::format("{}{:x}:{:x}", text.empty() ? "" : " ", write.port, write.value);
    }
    return text;
  }
};

// An I/O BAR over the port keeps it from having an effect, as in this fake.
TEST(PlatformDeath, AResetThatDoesNotComeIsNotWaitedFor) { EXPECT_DEATH(reset(), "the processor shuts down"); }

TEST_F(DriverPorts, ACallOfAllCpusRepeatsTheCommand) {
  set(q35::apm_command_port, 0x55);
  raise_mmi_everywhere();
  set(q35::apm_command_port, q35::apm_acpi_enable);
  raise_mmi_everywhere();
  EXPECT_EQ(writes(), "b2:55 b2:0") << "2 would raise none";
}

TEST_F(DriverPorts, AreReadIfPolicyNamesThem) {
  set(q35::apm_command_port, 0x55);
  set(q35::smi_en_port, 0x1234'5678);
  set(q35::pm_timer_port, 7);
  EXPECT_EQ(read_port_for_driver(q35::apm_command_port, 1), 0x55u);
  EXPECT_EQ(read_port_for_driver(q35::smi_en_port, 4), 0x1234'5678u);
  EXPECT_EQ(read_port_for_driver(q35::pm_timer_port, 4), 7u);
  EXPECT_FALSE(read_port_for_driver(q35::apm_command_port, 2));
  EXPECT_FALSE(read_port_for_driver(q35::smi_en_port, 1));
  EXPECT_FALSE(read_port_for_driver(q35::smi_en_port + 1, 4));
  EXPECT_FALSE(read_port_for_driver(std::uint64_t{0x10000} + q35::apm_command_port, 1));
  EXPECT_FALSE(read_port_for_driver(q35::reset_control_port, 1));
}

TEST_F(DriverPorts, TakeNoCommandThatWouldRaiseAnMmi) {
  for (std::uint32_t value = 1; value < 0x100; ++value) {
    EXPECT_FALSE(write_port_for_driver(q35::apm_command_port, 1, value));
  }
  EXPECT_FALSE(write_port_for_driver(q35::apm_status_port, 1, 0));
  EXPECT_FALSE(write_port_for_driver(q35::reset_control_port, 1, 6));
  EXPECT_EQ(writes(), "");
}

TEST_F(DriverPorts, ACommandIsForgottenWithoutAnMmi) {
  set(q35::smi_en_port, q35::smi_en_global | q35::smi_en_apm | q35::smi_en_tco);
  EXPECT_TRUE(write_port_for_driver(q35::apm_command_port, 1, 0));
  EXPECT_EQ(writes(), "630:2001 b2:0 630:2021");
}

TEST_F(DriverPorts, OnlyTheTcoBitOfSmiEnChanges) {
  set(q35::smi_en_port, 0x0000'0021);
  EXPECT_TRUE(write_port_for_driver(q35::smi_en_port, 4, 0xFFFF'FFFF));
  set(q35::smi_en_port, 0x0000'2021);
  EXPECT_TRUE(write_port_for_driver(q35::smi_en_port, 4, 0));
  EXPECT_EQ(writes(), "630:2021 630:21");
}

TEST_F(DriverPorts, OnlyTwoTcoStatusBitsAreCleared) {
  set(q35::tco1_status_port, 0xFF);  // reads the same afterwards, as QEMU would if asked to store ones
  EXPECT_TRUE(write_port_for_driver(q35::tco1_status_port, 2, 0xFFFF));
  EXPECT_EQ(writes(), "664:a 664:f5");
  set(q35::tco1_status_port, 0xF5);
  arch::fake::machine().port_writes.clear();
  EXPECT_TRUE(write_port_for_driver(q35::tco1_status_port, 2, q35::tco1_timeout));
  EXPECT_EQ(writes(), "664:8") << "hardware has cleared it";
}

TEST(Platform, AConfigurationByteIsSelectedByBothPorts) {
  arch::fake::machine() = {};
  arch::fake::machine().ports[0xCFE] = 0x5A;
  EXPECT_EQ(q35::read_pci_config8({0x1F, 3}, 0xA2), 0x5A);
  q35::write_pci_config8(q35::lpc_bridge, 0xA1, 0x10);
  const auto& writes = arch::fake::machine().port_writes;
  ASSERT_EQ(writes.size(), 3u);
  EXPECT_EQ(writes[0].port, 0xCF8);
  EXPECT_EQ(writes[0].value, 0x8000'FBA0u);
  EXPECT_EQ(writes[1].value, 0x8000'F8A0u);
  EXPECT_EQ(writes[2].port, 0xCFD);
  EXPECT_EQ(writes[2].value, 0x10u);
}

TEST(Platform, TheLockIsShutOnlyIfAllOfItIs) {
  using q35::MmramLock;
  static_assert(MmramLock{0x10, 0x01, 0x02}.closed_and_locked());
  static_assert(MmramLock{0x10, 0x01, 0xFF}.closed_and_locked());
  static_assert(!MmramLock{0x50, 0x01, 0x02}.closed_and_locked());
  static_assert(!MmramLock{0x00, 0x01, 0x02}.closed_and_locked());
  static_assert(!MmramLock{0x10, 0x00, 0x02}.closed_and_locked());
  static_assert(!MmramLock{0x10, 0x01, 0x01}.closed_and_locked());
  static_assert(MmramLock{0x50, 0x00, 0x01}.locked() && !MmramLock{0x40, 0x01, 0x02}.locked());
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
