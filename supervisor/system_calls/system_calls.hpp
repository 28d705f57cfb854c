// SPDX-License-Identifier: BSD-2-Clause-Patent
// The foundation's door (abi/redoubt/syscall.hpp): one function for each system call, found by number. The foundation
// may be compromised: every argument is checked as an attacker's.
#pragma once

#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// Runs the call whose number is in rax and puts the answer into the frame.
Continuation system_call(Supervisor& supervisor, Cpu& cpu);

namespace system_calls {

#define REDOUBT_X(name, number) Continuation name(Supervisor& supervisor, Cpu& cpu);
REDOUBT_SYSTEM_CALLS(REDOUBT_X)
#undef REDOUBT_X

// The foundation goes on with this result.
inline Continuation answer(Cpu& cpu, abi::SystemStatus status, std::uint64_t value = 0) {
  cpu.frame.rax = static_cast<std::uint64_t>(status);
  cpu.frame.rdx = value;
  return Continuation::resume;
}

// What the foundation learns of an error of memory management.
constexpr abi::SystemStatus to_status(Error error) {
  switch (error) {
    case Error::out_of_memory: return abi::SystemStatus::out_of_memory;
    case Error::access_denied: return abi::SystemStatus::not_permitted;
    default: return abi::SystemStatus::invalid_argument;
  }
}

}  // namespace system_calls
}  // namespace redoubt::supervisor
