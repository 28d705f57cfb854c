// SPDX-License-Identifier: BSD-2-Clause-Patent
// The IPL's only port instructions. Each is also a compiler barrier: a port access can start a DMA or raise an SMI.
#pragma once

#include <cstdint>

namespace redoubt::launch {

inline void write_port8(std::uint16_t port, std::uint8_t value) {
  asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void write_port16(std::uint16_t port, std::uint16_t value) {
  asm volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline void write_port32(std::uint16_t port, std::uint32_t value) {
  asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
inline std::uint8_t read_port8(std::uint16_t port) {
  std::uint8_t value = 0;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}
inline std::uint16_t read_port16(std::uint16_t port) {
  std::uint16_t value = 0;
  asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}
inline std::uint32_t read_port32(std::uint16_t port) {
  std::uint32_t value = 0;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

// The same for code that is tested without ports.
struct MachinePorts {
  static void write8(std::uint16_t port, std::uint8_t value) { write_port8(port, value); }
  static std::uint8_t read8(std::uint16_t port) { return read_port8(port); }
  static std::uint32_t read32(std::uint16_t port) { return read_port32(port); }
};

}  // namespace redoubt::launch
