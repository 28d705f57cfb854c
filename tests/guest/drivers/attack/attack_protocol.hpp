// SPDX-License-Identifier: BSD-2-Clause-Patent
// The messages of the attack drivers: MM_STANDALONE drivers that do on demand what a driver must not. A fault disables
// the driver that made it, so there is one copy of the driver for each attack; copy 0 makes none and witnesses
// that others keep working. A guest program includes this too; it holds no MM interface.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::attack {

inline constexpr unsigned copy_count = 25;  // attack_driver_0 to attack_driver_24

// The handler of copy `copy`.
constexpr abi::Guid handler_guid(unsigned copy) {
  return {0x9c3f24d1, 0x5a0e, 0x4f7b, {0xb1, 0x6c, 0x41, 0x74, 0x74, 0x61, 0x63, static_cast<std::uint8_t>(copy)}};
}

enum class Command : std::uint64_t {
  witness,  // no attack: result = number of messages this copy has had
  use_fpu,  // no attack: fills x87, XMM and MXCSR with values of its own
  disable_interrupts,
  halt,
  read_memory,   // 8 bytes at `address`
  write_memory,  // `value` to the 8 bytes at `address`
  call_memory,   // calls `address`
  write_code,    // to its own code
  execute_data,  // a function of its own, put into its data
  write_port,    // one byte of `value` to the port `address`
  read_msr,      // MSR `address`
  write_msr,     // `value` to MSR `address`
  read_cr3,
  load_gdt,
  system_call,  // int 0x80, the foundation's door into the supervisor
  syscall,      // the SYSCALL instruction
  exhaust_stack,
  divide_by_zero,
  read_port,      // one byte from the port `address`
  sysenter,       // the SYSENTER instruction, to where the owner of the machine made it lead
  call_gate,      // through the first entry of the owner's LDT, a gate to ring 0 that it writes to `address`
  leave_mm,       // the RSM instruction, which nothing forbids: the caller gets no answer, MM goes on with the next MMI
  overrun_frame,  // `value` bytes into a variable of 16 in a frame; the stack protector sees it
};

// `result` is only there when nothing stopped the attack.
struct Message {
  Command command;
  std::uint64_t address;
  std::uint64_t value;
  std::uint64_t result;
};
static_assert(sizeof(Message) == 32);

}  // namespace redoubt::attack
