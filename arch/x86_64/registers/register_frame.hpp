// SPDX-License-Identifier: BSD-2-Clause-Patent
// The registers of interrupted code as entry/traps.S lays them out: pushed by it down to rax, by the processor above.
//
//   low address                                                                      high address
//   r15 r14 r13 r12 r11 r10 r9 r8 rbp rdi rsi rdx rcx rbx rax | vector error_code | rip cs rflags rsp ss
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::arch {

struct RegisterFrame {
  std::uint64_t r15;
  std::uint64_t r14;
  std::uint64_t r13;
  std::uint64_t r12;
  std::uint64_t r11;
  std::uint64_t r10;
  std::uint64_t r9;
  std::uint64_t r8;
  std::uint64_t rbp;
  std::uint64_t rdi;
  std::uint64_t rsi;
  std::uint64_t rdx;
  std::uint64_t rcx;
  std::uint64_t rbx;
  std::uint64_t rax;
  std::uint64_t vector;
  std::uint64_t error_code;
  std::uint64_t rip;
  std::uint64_t cs;
  std::uint64_t rflags;
  std::uint64_t rsp;
  std::uint64_t ss;
};
// What `vector` holds while ring 3 runs (entry/traps.S): a CPU that enters MM anew with it there was reset, or left, in
// ring 3; with anything else in ring 0.
inline constexpr std::uint64_t in_ring_3 = ~std::uint64_t{0};

static_assert(sizeof(RegisterFrame) == 176 && sizeof(RegisterFrame) % 16 == 0);
static_assert(offsetof(RegisterFrame, vector) == 120 && offsetof(RegisterFrame, rip) == 136);

}  // namespace redoubt::arch
