// SPDX-License-Identifier: BSD-2-Clause-Patent
// The supervisor as the foundation sees it in the guest: each method is one `int 0x80` (abi/redoubt/syscall.hpp). The
// calls are generated from the contract's list, so that they cannot differ from the supervisor's.
#pragma once

#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation::guest {

struct SystemReply {
  abi::SystemStatus status;
  std::uint64_t value;
};

// Any call with any words in its first four registers.
SystemReply invoke(abi::SystemCall number, std::uint64_t first, std::uint64_t second, std::uint64_t third,
                   std::uint64_t fourth);

// One call with its parameters.
template <typename Value, typename... Parameters>
SystemResult<Value> call_supervisor(abi::SystemCall number, Parameters... parameters) {
  static_assert((abi::Encoding<Parameters>::registers + ... + 0) <= 4, "invoke() passes four");
  std::uint64_t words[4] = {};
  std::uint64_t* next = words;
  ((abi::Encoding<Parameters>::encode(parameters, next), next += abi::Encoding<Parameters>::registers), ...);
  const SystemReply reply = invoke(number, words[0], words[1], words[2], words[3]);
  if (reply.status != abi::SystemStatus::ok) return std::unexpected(reply.status);
  if constexpr (std::is_void_v<Value>) {
    return {};
  } else {
    return abi::Encoding<Value>::decode(&reply.value);
  }
}

// Those that end an entry: they come back only if the supervisor refuses.
#define REDOUBT_ARGUMENTS(...) __VA_OPT__(, ) __VA_ARGS__
#define REDOUBT_X(number, name, Value, parameters, names)                                    \
  inline void name parameters {                                                              \
    static_cast<void>(call_supervisor<void>(abi::SystemCall::name REDOUBT_ARGUMENTS names)); \
  }
namespace system_call {
REDOUBT_FINISHING_CALLS(REDOUBT_X)
}  // namespace system_call
#undef REDOUBT_X

class GuestSupervisor final : public Supervisor {
 public:
#define REDOUBT_X(number, name, Value, parameters, names)                                        \
  SystemResult<abi::AnswerOf<Value>> name parameters override {                                  \
    return call_supervisor<abi::AnswerOf<Value>>(abi::SystemCall::name REDOUBT_ARGUMENTS names); \
  }
  REDOUBT_RETURNING_CALLS(REDOUBT_X)
#undef REDOUBT_X
#undef REDOUBT_ARGUMENTS
  std::uint64_t ticks() override { return __builtin_ia32_rdtsc(); }
};

}  // namespace redoubt::foundation::guest
