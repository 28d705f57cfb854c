// SPDX-License-Identifier: BSD-2-Clause-Patent
// How a counter on the host (a TCG plugin) learns which row of the bench is running: an 8-byte NOP whose
// displacement carries a number. It has no effect and counts as one instruction, outside of every bracket.
//
//   0F 1F 84 00 dd dd dd dd      nopl dd(%rax,%rax,1)
//
//   dd = row_marker_base + 2 * row        the samples of the row begin
//   dd = row_marker_base + 2 * row + 1    they are over
//
// Rows are numbered as mmi_bench prints them, from 0.
#pragma once

#include <cstdint>

namespace redoubt::guest {

inline constexpr std::uint32_t row_marker_base = 0x52444200;

template <std::uint32_t marker>
[[gnu::always_inline]] inline void mark() {
  asm volatile("nopl %c0(%%rax,%%rax,1)" : : "i"(marker) : "memory");
}

}  // namespace redoubt::guest
