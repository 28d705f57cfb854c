// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/system_calls/system_calls.hpp"

#include <array>
#include <tuple>

namespace redoubt::supervisor {
namespace {

using system_calls::Caller;

Continuation answer(Cpu& cpu, abi::SystemStatus status, std::uint64_t value) {
  cpu.frame.rax = static_cast<std::uint64_t>(status);
  cpu.frame.rdx = value;
  return Continuation::resume;
}

template <typename Value>
Continuation answer(Cpu& cpu, const abi::SystemResult<Value>& result) {
  if (!result) {
    return answer(cpu, result.error(), 0);
  }
  if constexpr (std::is_same_v<Value, Continuation>) {
    return *result;
  } else if constexpr (std::is_void_v<Value>) {
    return answer(cpu, abi::SystemStatus::ok, 0);
  } else {
    std::uint64_t value = 0;
    static_assert(abi::Encoding<Value>::registers == 1);
    abi::Encoding<Value>::encode(*result, &value);
    return answer(cpu, abi::SystemStatus::ok, value);
  }
}

// Takes the parameters of one call out of the frame, runs it, and answers.
template <typename Value, typename... Parameters>
Continuation run(const Caller& caller, abi::SystemResult<Value> (*function)(const Caller&, Parameters...)) {
  const arch::RegisterFrame& frame = caller.cpu.frame;
  const std::uint64_t words[abi::argument_registers] = {frame.rdi, frame.rsi, frame.rdx, frame.rcx, frame.r8, frame.r9};
  const std::uint64_t* next = words;
  abi::SystemStatus wrong = abi::SystemStatus::ok;
  const auto take = [&]<typename T>(std::type_identity<T>) -> T {
    const abi::SystemResult<T> decoded = abi::Encoding<T>::decode(next);
    next += abi::Encoding<T>::registers;
    if (decoded) {
      return *decoded;
    }
    wrong = wrong == abi::SystemStatus::ok ? decoded.error() : wrong;
    return T{};
  };
  // In braces: from left to right.
  const std::tuple<Parameters...> parameters{take(std::type_identity<Parameters>())...};
  if (wrong != abi::SystemStatus::ok) {
    return answer(caller.cpu, wrong, 0);
  }
  return answer(caller.cpu, std::apply([&](auto... each) { return function(caller, each...); }, parameters));
}

using Entry = Continuation (*)(const Caller&);

#define REDOUBT_X(number, name, Value, parameters, names) +1
constexpr std::size_t system_call_count = 0 REDOUBT_SYSTEM_CALLS(REDOUBT_X);
#undef REDOUBT_X

constexpr auto make_table() {
  std::array<Entry, system_call_count> table{};
#define REDOUBT_X(number, name, Value, parameters, names) \
  table[number] = [](const Caller& caller) { return run(caller, system_calls::name); };
  REDOUBT_SYSTEM_CALLS(REDOUBT_X)
#undef REDOUBT_X
  return table;
}

constexpr std::array<Entry, system_call_count> table = make_table();

constexpr bool complete() {
  for (const Entry entry : table) {
    if (entry == nullptr) {
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
    return answer(cpu, abi::SystemStatus::invalid_argument, 0);
  }
  return table[number]({supervisor, cpu});
}

}  // namespace redoubt::supervisor
