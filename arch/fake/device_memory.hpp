// SPDX-License-Identifier: BSD-2-Clause-Patent
// arch/x86_64/cpu/device_memory.hpp for host tests: reads come from the fake machine's table, writes are recorded.
#pragma once

#include <cstdint>

#include "arch/fake/machine.hpp"
#include "base/address.hpp"

namespace redoubt::arch {

inline std::uint64_t read_device(LinearAddress address, std::uint64_t width) {
  const auto found = fake::machine().device_memory.find(address.number);
  const std::uint64_t value = found == fake::machine().device_memory.end() ? UINT64_MAX : found->second;
  return value & (UINT64_MAX >> (64 - 8 * width));
}

inline void write_device(LinearAddress address, std::uint64_t width, std::uint64_t value) {
  fake::machine().device_writes.push_back({address.number, width, value & (UINT64_MAX >> (64 - 8 * width))});
}

}  // namespace redoubt::arch
