// SPDX-License-Identifier: BSD-2-Clause-Patent
// The foundation's door (abi/redoubt/syscall.hpp): one function for each system call, found by number. The foundation
// may be compromised: every argument is checked as an attacker's. A parameter's type says what was decoded, and of
// which address space it speaks; that something is there, and may be used so, is found out where it is used.
#pragma once

#include <type_traits>

#include "abi/redoubt/system_call_arguments.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// Runs the call whose number is in rax and puts the answer into the frame.
Continuation system_call(Supervisor& supervisor, Cpu& cpu);

namespace system_calls {

// The foundation that calls, and the CPU that it runs on.
struct Caller {
  Supervisor& supervisor;
  Cpu& cpu;
};

// What a call comes to. One that switches has rewritten the frame where it succeeds, and says how this CPU goes on;
// what else there is goes into registers in one place (system_calls.cpp).
template <typename Value>
using CallResult = abi::SystemResult<std::conditional_t<std::is_same_v<Value, abi::Switched>, Continuation, Value>>;

#define REDOUBT_AND(...) __VA_OPT__(, ) __VA_ARGS__
#define REDOUBT_X(number, name, Value, parameters, names) \
  CallResult<Value> name(const Caller& caller REDOUBT_AND parameters);
using abi::Switched;
REDOUBT_SYSTEM_CALLS(REDOUBT_X)
#undef REDOUBT_X
#undef REDOUBT_AND

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
