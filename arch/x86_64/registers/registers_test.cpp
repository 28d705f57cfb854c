// SPDX-License-Identifier: BSD-2-Clause-Patent
#include <gtest/gtest.h>

#include "arch/x86_64/registers/extended_state.hpp"
#include "arch/x86_64/registers/segments.hpp"

namespace redoubt::arch {
namespace {

TEST(Segments, TaskDescriptorHoldsBaseAndLimit) {
  const GlobalDescriptorTable table = global_descriptor_table(0x1234'5678'9ABC'DEF0, 0x1'2345);
  EXPECT_EQ(table.task_state_low, 0x9A01'89BC'DEF0'2345u);
  EXPECT_EQ(table.task_state_high, 0x1234'5678u);
}

TEST(Segments, GateHoldsHandlerPrivilegeAndStack) {
  const InterruptGate gate = interrupt_gate(0xFFFF'8000'1234'5678, 3, 2);
  EXPECT_EQ(gate.low, 0x1234'EE02'0008'5678u);
  EXPECT_EQ(gate.high, 0xFFFF'8000u);
  EXPECT_EQ(interrupt_gate(0x1000, 0, 0).low, 0x0000'8E00'0008'1000u);
}

TEST(ExtendedState, InitialStateMasksExceptions) {
  constexpr ExtendedState state = initial_extended_state();
  EXPECT_EQ(state.fcw & 0x3F, 0x3F);
  EXPECT_EQ((state.mxcsr >> 7) & 0x3F, 0x3Fu);
  EXPECT_EQ(state.state_components, 0u);
}

}  // namespace
}  // namespace redoubt::arch
