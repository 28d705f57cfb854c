// SPDX-License-Identifier: BSD-2-Clause-Patent
// Moves control between foundation and drivers: each function rewrites the CPU's register frame so that going back to
// ring 3 continues somewhere else. Registers never carry anything over but what the contract names
// (abi/redoubt/syscall.hpp). Everything that ring 3 gave, stack pointers first, is taken as an attacker's.
#pragma once

#include <cstdint>

#include "abi/redoubt/system_call_arguments.hpp"
#include "arch/x86_64/registers/control.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// A ring-3 fault, as the processor or a check of ours found it.
struct Fault {
  std::uint64_t vector;
  std::uint64_t address;  // CR2 of a page fault, else 0
  std::uint64_t rip;
};

// The upper half of the address space is ring 0's; and RETF to an address that isn't canonical faults in ring 0.
inline constexpr DriverAddress user_address_end{std::uint64_t{1} << 47};

// What a called driver finds at its stack pointer (Microsoft x64 convention: return address, home space of the four
// register arguments), and behind it the scratch words.
struct DriverCallArea {
  std::uint64_t return_address;
  std::uint64_t home[4];
  std::uint64_t scratch[2];
};
static_assert(sizeof(DriverCallArea) == 56 && offsetof(DriverCallArea, home) == 8);

// Ring 3 with no register set; the caller says where it begins.
inline arch::RegisterFrame ring3_frame() {
  arch::RegisterFrame frame{};
  frame.cs = arch::selector::user_code;
  frame.rflags = arch::rflags::always_set;
  frame.ss = arch::selector::user_data;
  return frame;
}

// What a service doesn't preserve and must not tell.
inline void clear_volatile_registers(arch::RegisterFrame& frame) {
  frame.rcx = 0;
  frame.rdx = 0;
  frame.r8 = 0;
  frame.r9 = 0;
  frame.r10 = 0;
  frame.r11 = 0;
}

// Into the foundation's entry point for a new activity, with a copy of `data` on its empty stack. Errors: access_denied
// if the stack isn't there (a bug of ours).
template <typename Data>
Result<void> enter_foundation(Supervisor& supervisor, Cpu& cpu, abi::EntryReason reason, const Data& data);

// System call call_driver, with the address of a DriverCall.
abi::SystemResult<Continuation> call_driver(Supervisor& supervisor, Cpu& cpu, FoundationAddress call);

// A driver came through its door: r10d = gate.
Continuation driver_gate(Supervisor& supervisor, Cpu& cpu);

// System call finish_service: `status` for the driver. not_permitted if no service is being answered.
abi::SystemResult<Continuation> finish_service(Supervisor& supervisor, Cpu& cpu, std::uint64_t status);

// Stops the domain that runs: a driver's call returns driver_fault to the foundation, the foundation's own fault ends
// the activity. Reports it.
Continuation contain_fault(Supervisor& supervisor, Cpu& cpu, const Fault& fault);

// Writes the gate stubs: service gates 0 to 63 and the return gate. `page`: 4 KiB.
void write_gate_stubs(std::uint8_t* page);

// ---- implementation of the template

Result<void> enter_foundation_with(Supervisor& supervisor, Cpu& cpu, abi::EntryReason reason, Bytes data);

template <typename Data>
Result<void> enter_foundation(Supervisor& supervisor, Cpu& cpu, abi::EntryReason reason, const Data& data) {
  return enter_foundation_with(supervisor, cpu, reason, object_bytes(data));
}

}  // namespace redoubt::supervisor
