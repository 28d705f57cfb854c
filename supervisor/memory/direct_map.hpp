// SPDX-License-Identifier: BSD-2-Clause-Patent
// How the supervisor reaches MMRAM by physical address. In MM its own part is identity-mapped in every address space,
// and all else lies at one offset, in the window of memory_map.hpp; a host test gives offsets to arrays instead. Only
// addresses that the page pool owns may go through here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::supervisor {

class DirectMap {
 public:
  constexpr DirectMap() = default;
  constexpr explicit DirectMap(std::uint64_t offset) : offset_(offset) {}
  // `array` stands for the memory at physical address `base`.
  DirectMap(std::byte* array, std::uint64_t base) : offset_(reinterpret_cast<std::uint64_t>(array) - base) {}

  template <typename T = std::byte>
  T* at(std::uint64_t physical) const {
    return reinterpret_cast<T*>(physical + offset_);
  }

 private:
  std::uint64_t offset_ = 0;
};

}  // namespace redoubt::supervisor
