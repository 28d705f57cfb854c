// SPDX-License-Identifier: BSD-2-Clause-Patent
// How the supervisor reaches MMRAM by physical address. In MM its own part is identity-mapped in every address space,
// and all else lies at one offset, in the window of memory_map.hpp; a host test gives offsets to arrays instead. Only
// addresses that the page pool owns may go through here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/address.hpp"

namespace redoubt::supervisor {

class DirectMap {
 public:
  constexpr DirectMap() = default;
  // `zero`: where the supervisor would see physical address 0.
  constexpr explicit DirectMap(LinearAddress zero) : zero_(zero) {}
  // `array` stands for the memory at physical address `base`.
  DirectMap(std::byte* array, PhysicalAddress base)
      : zero_(LinearAddress(reinterpret_cast<std::uint64_t>(array)) - base.number) {}

  template <typename T = std::byte>
  T* at(PhysicalAddress physical) const {
    return reinterpret_cast<T*>((zero_ + physical.number).number);
  }

 private:
  LinearAddress zero_;
};

}  // namespace redoubt::supervisor
