// SPDX-License-Identifier: BSD-2-Clause-Patent
// The one instruction of this file is the door out of the foundation.
#include "foundation/guest/system_calls.hpp"

namespace redoubt::foundation::guest {

SystemReply invoke(abi::SystemCall number, std::uint64_t first, std::uint64_t second, std::uint64_t third,
                   std::uint64_t fourth) {
  auto status = static_cast<std::int64_t>(number);
  std::uint64_t value = third;
  asm volatile("int %[vector]"
               : "+a"(status), "+d"(value)
               : "D"(first), "S"(second), "c"(fourth), [vector] "i"(static_cast<int>(abi::system_call_vector))
               : "memory");
  return {static_cast<abi::SystemStatus>(status), value};
}

}  // namespace redoubt::foundation::guest
