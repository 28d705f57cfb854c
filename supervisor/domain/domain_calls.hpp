// SPDX-License-Identifier: BSD-2-Clause-Patent
// Moves control between foundation and drivers: each function rewrites the CPU's register frame so that going back to
// ring 3 continues somewhere else. Registers never carry anything over but what the contract names
// (abi/redoubt/syscall.hpp). Everything that ring 3 gave, stack pointers first, is taken as an attacker's.
#pragma once

#include <cstdint>

#include "abi/redoubt/system_call_arguments.hpp"
#include "supervisor/domain/fault.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// How a call between domains went on.
enum class CallOutcome : std::uint8_t {
  ring_3,           // the frame of the CPU says where
  foundation_over,  // a fault cut the foundation off in its own code: the activity has to be aborted (mmi/activity.hpp)
};

// Into the foundation's entry point for a new activity, with a copy of `data` on its empty stack. Errors: access_denied
// if the stack isn't there (a bug of ours).
template <typename Data>
Result<void> enter_foundation(Supervisor& supervisor, Cpu& cpu, abi::EntryReason reason, const Data& data);

// System call call_driver, with the address of a DriverCall.
abi::SystemResult<Continuation> call_driver(Supervisor& supervisor, Cpu& cpu, FoundationAddress call);

// A driver came through its door: r10d = gate.
[[nodiscard]] CallOutcome driver_gate(Supervisor& supervisor, Cpu& cpu);

// System call finish_service: `status` for the driver. not_permitted if no service is being answered.
abi::SystemResult<Continuation> finish_service(Supervisor& supervisor, Cpu& cpu, std::uint64_t status);

// Stops the domain that runs: a driver's call returns driver_fault to the foundation, the foundation's own fault ends
// the activity. Reports it.
[[nodiscard]] CallOutcome contain_fault(Supervisor& supervisor, Cpu& cpu, const Fault& fault);

// Writes the gate stubs: service gates 0 to 63 and the return gate. `page`: 4 KiB.
void write_gate_stubs(std::uint8_t* page);

// ---- implementation of the template

Result<void> enter_foundation_with(Supervisor& supervisor, Cpu& cpu, abi::EntryReason reason, Bytes data);

template <typename Data>
Result<void> enter_foundation(Supervisor& supervisor, Cpu& cpu, abi::EntryReason reason, const Data& data) {
  return enter_foundation_with(supervisor, cpu, reason, object_bytes(data));
}

}  // namespace redoubt::supervisor
