// SPDX-License-Identifier: BSD-2-Clause-Patent
// arch/x86_64/cpu/ports.hpp for host tests: reads come from the fake machine's table, writes are recorded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/fake/machine.hpp"

namespace redoubt::arch {

namespace fake {
inline std::uint32_t read_port(std::uint16_t port) {
  const auto found = machine().ports.find(port);
  return found == machine().ports.end() ? 0xFFFF'FFFF : found->second;
}
}  // namespace fake

inline std::uint8_t in8(std::uint16_t port) { return static_cast<std::uint8_t>(fake::read_port(port)); }
inline std::uint16_t in16(std::uint16_t port) { return static_cast<std::uint16_t>(fake::read_port(port)); }
inline std::uint32_t in32(std::uint16_t port) { return fake::read_port(port); }
inline void out8(std::uint16_t port, std::uint8_t value) { fake::machine().port_writes.push_back({port, 1, value}); }
inline void out16(std::uint16_t port, std::uint16_t value) { fake::machine().port_writes.push_back({port, 2, value}); }
inline void out32(std::uint16_t port, std::uint32_t value) { fake::machine().port_writes.push_back({port, 4, value}); }
inline void out8_string(std::uint16_t port, const char* bytes, std::size_t count) {
  fake::machine().port_text[port].append(bytes, count);
}

}  // namespace redoubt::arch
