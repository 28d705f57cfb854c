// SPDX-License-Identifier: BSD-2-Clause-Patent
// Reads and writes of device registers in memory: each exactly one access of the width asked for, which no compiler
// splits, joins or drops. Which addresses may be touched is not decided here.
#pragma once

#include <cstdint>

#include "base/address.hpp"

namespace redoubt::arch {

// `width` is 1, 2, 4 or 8 bytes; `address` is a multiple of it.
inline std::uint64_t read_device(LinearAddress address, std::uint64_t width) {
  std::uint64_t value = 0;
  switch (width) {
    case 1: asm volatile("movzbl (%1), %k0" : "=r"(value) : "r"(address.number) : "memory"); break;
    case 2: asm volatile("movzwl (%1), %k0" : "=r"(value) : "r"(address.number) : "memory"); break;
    case 4: asm volatile("movl (%1), %k0" : "=r"(value) : "r"(address.number) : "memory"); break;
    default: asm volatile("movq (%1), %0" : "=r"(value) : "r"(address.number) : "memory"); break;
  }
  return value;
}

inline void write_device(LinearAddress address, std::uint64_t width, std::uint64_t value) {
  switch (width) {
    case 1: asm volatile("movb %b0, (%1)" : : "r"(value), "r"(address.number) : "memory"); break;
    case 2: asm volatile("movw %w0, (%1)" : : "r"(value), "r"(address.number) : "memory"); break;
    case 4: asm volatile("movl %k0, (%1)" : : "r"(value), "r"(address.number) : "memory"); break;
    default: asm volatile("movq %0, (%1)" : : "r"(value), "r"(address.number) : "memory"); break;
  }
}

}  // namespace redoubt::arch
