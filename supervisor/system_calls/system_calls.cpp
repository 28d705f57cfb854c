// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor {
namespace {

using SystemCallFunction = Continuation (*)(Supervisor&, Cpu&);

#define REDOUBT_X(name, number) +1
constexpr std::size_t system_call_count = 0 REDOUBT_SYSTEM_CALLS(REDOUBT_X);
#undef REDOUBT_X

constexpr auto make_table() {
  std::array<SystemCallFunction, system_call_count> table{};
#define REDOUBT_X(name, number) table[number] = system_calls::name;
  REDOUBT_SYSTEM_CALLS(REDOUBT_X)
#undef REDOUBT_X
  return table;
}

constexpr std::array<SystemCallFunction, system_call_count> table = make_table();

constexpr bool complete() {
  for (const SystemCallFunction function : table) {
    if (function == nullptr) {
      return false;
    }
  }
  return true;
}
static_assert(complete(), "system call numbers have no gaps");

}  // namespace

Continuation system_call(Supervisor& supervisor, Cpu& cpu) {
  const std::uint64_t number = cpu.frame.rax;
  if (number >= table.size()) {
    return system_calls::answer(cpu, abi::SystemStatus::invalid_argument);
  }
  return table[number](supervisor, cpu);
}

}  // namespace redoubt::supervisor
