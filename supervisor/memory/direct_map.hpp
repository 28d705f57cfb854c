// SPDX-License-Identifier: BSD-2-Clause-Patent
// How the supervisor reaches MMRAM by physical address. In MM the answer is trivial, since MMRAM is identity-mapped
// in every address space; a host test gives an offset to an array instead. Only addresses that the page pool
// owns may go through here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::supervisor {

class DirectMap {
 public:
  constexpr DirectMap() = default;
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
