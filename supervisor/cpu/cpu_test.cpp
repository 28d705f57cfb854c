// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/cpu/cpu.hpp"

#include <gtest/gtest.h>

#include "abi/redoubt/syscall.hpp"
#include "arch/processor.hpp"
#include "arch/x86_64/registers/control.hpp"
#include "supervisor/cpu/features.hpp"
#include "supervisor/cpu/interrupt_table.hpp"

namespace redoubt::supervisor {
namespace {

bool port_open(const Cpu& cpu, std::uint32_t port) {
  if (cpu.task_state.io_bitmap_offset != io_bitmap_offset || port / 8 >= io_bitmap_bytes) {
    return false;
  }
  return (cpu.io_bitmap[port / 8] >> (port % 8) & 1) == 0;
}

TEST(Cpu, OpensTheDriversPortsAndNoOther) {
  Cpu cpu;
  std::uint64_t slot = 0;
  prepare_cpu(
      cpu, {.index = 2, .apic_id = 5}, CpuFeatures{},
      {.nmi = LinearAddress(0x10000), .double_fault = LinearAddress(0x20000), .machine_check = LinearAddress(0x30000)},
      &slot);
  EXPECT_EQ(slot, reinterpret_cast<std::uint64_t>(&cpu));
  EXPECT_EQ(+cpu.task_state.stack_of_ring[0], slot + sizeof(arch::RegisterFrame));
  EXPECT_EQ(+cpu.task_state.interrupt_stack[0], 0x10000u - nmi_slot_bytes);
  for (std::uint32_t port = 0; port < 0x10000; ++port) {
    EXPECT_FALSE(port_open(cpu, port)) << "closed until a driver runs";
  }
  set_io_ports(cpu, true);
  for (std::uint32_t port = 0; port < 0x10000; ++port) {
    EXPECT_EQ(port_open(cpu, port), policy::driver_may_use_port(platform::board::grants.ports.ranges, port, 1)) << port;
  }
  EXPECT_EQ(cpu.io_bitmap.back(), 0xFF);
}

TEST(InterruptTable, OnlyTheDoorsOpenFromRingThree) {
  InterruptTable table{};
  prepare_interrupt_table(table, LinearAddress(0x1000));
  for (std::size_t number = 0; number < interrupt_gate_count; ++number) {
    const bool door = number == abi::system_call_vector || number == abi::driver_gate_vector;
    EXPECT_EQ((table.gates[number].low >> 45) & 3, door ? 3u : 0u) << number;
    EXPECT_NE((table.gates[number].low >> 47) & 1, 0u) << number;
    const unsigned stack = (table.gates[number].low >> 32) & 7;
    EXPECT_EQ(stack != 0, number == 2 || number == 8 || number == 18) << number;
  }
}

class FeaturesTest : public testing::Test {
 protected:
  FeaturesTest() { arch::fake::machine() = {}; }
  static auto& leaf(std::uint32_t number) { return arch::fake::machine().cpuid[{number, 0}]; }
};

TEST_F(FeaturesTest, AnOldProcessorHasNone) {
  leaf(0).eax = 1;
  leaf(1).ecx = 0xFFFF'FFFF;
  leaf(7) = {~0u, ~0u, ~0u, ~0u};
  const CpuFeatures features = detect_features();
  EXPECT_FALSE(features.execute_disable || features.execution_prevention || features.access_prevention ||
               features.instruction_prevention || features.xsave);
  EXPECT_EQ(features.efer(), 0x100u);
  EXPECT_EQ(features.cr4(), 0x660u);
  EXPECT_EQ(features.extended_state_bytes, 576u);
}

TEST_F(FeaturesTest, ANewProcessorHasAll) {
  leaf(0).eax = 0xD;
  leaf(1).ecx = 1u << 26;
  leaf(7) = {0, 1u << 7 | 1u << 20, 1u << 2, 0};
  leaf(0xD).ecx = 2696;
  leaf(0x8000'0000).eax = 0x8000'0008;
  leaf(0x8000'0001).edx = 1u << 20;
  const CpuFeatures features = detect_features();
  EXPECT_EQ(features.efer(), 0x900u);
  EXPECT_EQ(features.cr4(), 0x34'0E60u);
  EXPECT_EQ(features.early_cr4() & arch::cr4::machine_check_enable, 0u);
  EXPECT_EQ(features.extended_state_bytes, 2696u);
}

}  // namespace
}  // namespace redoubt::supervisor
