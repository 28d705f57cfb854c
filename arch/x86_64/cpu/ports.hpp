// SPDX-License-Identifier: BSD-2-Clause-Patent
// Port input and output, one instruction each (repeated output: one instruction with a prefix). For 32-bit and 64-bit
// code alike. Each is also a compiler barrier: a port access can start a DMA or raise an SMI. Which ports may be
// touched is the platform's knowledge, not decided here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::arch {

inline std::uint8_t in8(std::uint16_t port) {
  std::uint8_t value = 0;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

inline std::uint16_t in16(std::uint16_t port) {
  std::uint16_t value = 0;
  asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

inline std::uint32_t in32(std::uint16_t port) {
  std::uint32_t value = 0;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

inline void out8(std::uint16_t port, std::uint8_t value) {
  asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void out16(std::uint16_t port, std::uint16_t value) {
  asm volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void out32(std::uint16_t port, std::uint32_t value) {
  asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

// All bytes to one port. The direction flag is clear, as everywhere in C++.
inline void out8_string(std::uint16_t port, const char* bytes, std::size_t count) {
  asm volatile("rep outsb" : "+S"(bytes), "+c"(count) : "d"(port) : "memory");
}

}  // namespace redoubt::arch
