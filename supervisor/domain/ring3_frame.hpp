// SPDX-License-Identifier: BSD-2-Clause-Patent
// What ring 3 begins with: registers and, for a driver's function, the stack. Registers never carry anything over but
// what the contract names (abi/redoubt/syscall.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/x86_64/registers/control.hpp"
#include "arch/x86_64/registers/register_frame.hpp"
#include "arch/x86_64/registers/segments.hpp"
#include "base/address.hpp"

namespace redoubt::supervisor {

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

}  // namespace redoubt::supervisor
