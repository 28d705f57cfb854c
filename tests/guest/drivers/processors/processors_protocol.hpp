// SPDX-License-Identifier: BSD-2-Clause-Patent
// Messages of the processors drivers: MM_STANDALONE drivers that run procedures on all other CPUs and read save states.
// A procedure that faults disables its driver, so there is one copy for each way to fail; copy 0 does only what is
// allowed. A guest program includes this too; it holds no MM interface.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::processors {

inline constexpr unsigned copy_count = 8;  // processors_driver_0 to processors_driver_7

constexpr abi::Guid handler_guid(unsigned copy) {
  return {0x3f0b7c52, 0x66a1, 0x4d0e, {0x9e, 0x2d, 0x70, 0x72, 0x6f, 0x63, 0x73, static_cast<std::uint8_t>(copy)}};
}

enum class Command : std::uint64_t {
  // Checks of copy 0: `result` is 0, or the line of driver.cpp that found something wrong.
  one_by_one,   // MmStartupThisAp on each CPU
  broadcast,    // blocking, on all at once
  tokens,       // non-blocking; pages change hands while the procedures run
  timeouts,     // endless loops, of nothing and of services
  use_fpu,      // on all at once: x87, XMM and MXCSR get values of its own
  interrupts,   // procedures that execute IRET, which would let NMIs in
  hold,         // procedures that wait for some hundredths of a second, while nothing else happens
  find_caller,  // the CPU whose RBX is `value`: into `value`; RCX, RDX, RSI, RDI are checked, RAX set to caller_rax
  // For copies 1 to 7: what a procedure does on the last CPU.
  fault_null,        // reads address 0
  fault_privileged,  // CLI
  fault_door,        // int 0x80
  fault_stack,       // more stack than there is
  fault_everywhere,  // CLI on all CPUs at once
  leave_running,     // never returns; nobody waits
  leave_mm,          // RSM
};

struct Message {
  Command command;
  std::uint64_t value;
  std::uint64_t cpus;  // that take part, the caller's included
  std::uint64_t result;
};
static_assert(sizeof(Message) == 32);

// A result: a CPU didn't come into this MMI in time, so that nothing was tried. Emulated CPUs don't always.
inline constexpr std::uint64_t cpus_absent = 900'000;

// What find_caller wants to see, and what it leaves.
inline constexpr std::uint64_t caller_rax = 0x5A5A'0123'4567'89AB;
inline constexpr std::uint64_t caller_rcx = 0x1111'2222'3333'4444;
inline constexpr std::uint64_t caller_rdx = 0x5555'6666'7777'8888;
inline constexpr std::uint64_t caller_rsi = 0x9999'AAAA'BBBB'CCCC;
inline constexpr std::uint64_t caller_rdi = 0xDDDD'EEEE'FFFF'0000;

}  // namespace redoubt::processors
