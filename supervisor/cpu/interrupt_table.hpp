// SPDX-License-Identifier: BSD-2-Clause-Patent
// The IDT of MM, one for all CPUs: every vector up to the doors from ring 3 has a gate.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/x86_64/registers/segments.hpp"
#include "base/address.hpp"

namespace redoubt::supervisor {

inline constexpr std::size_t interrupt_gate_count = 0x82;

struct InterruptTable {
  arch::InterruptGate gates[interrupt_gate_count];
};

// Fills the table for stubs of 16 bytes each from `stubs` on (arch/x86_64/entry/traps.S).
void prepare_interrupt_table(InterruptTable& table, LinearAddress stubs);

}  // namespace redoubt::supervisor
