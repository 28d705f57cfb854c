// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variables that the test PEIM leaves, for those who look for them later: in DXE, and in Linux. They have one
// vendor GUID; what isn't listed here must be gone.
#pragma once

#include <cstdint>
#include <string_view>

#include "abi/uefi/types.hpp"

namespace redoubt::guest_pei {

inline constexpr abi::Guid vendor = {0x3c1f7a52, 0x0d6b, 0x4a5e, {0x93, 0x41, 0x72, 0x64, 0x6f, 0x75, 0x62, 0x74}};

struct VariableLeft {
  const char16_t* name;
  std::uint32_t attributes;  // UEFI 2.10, 8.2.1
  std::uint32_t size;        // bytes, made by byte_of()
  std::uint32_t seed;
};

inline constexpr std::uint8_t byte_of(std::uint32_t seed, std::uint32_t offset) {
  return static_cast<std::uint8_t>(offset * 31 + seed * 17 + (offset >> 8) + 5);
}

// The last one is written many times over, so that the store has to be reclaimed on the way.
inline constexpr VariableLeft variables_left[] = {
    {u"PeiKept", 7, 100, 1},    {u"PeiAppended", 7, 60, 2},     {u"PeiOverwritten", 7, 33, 4},
    {u"PeiVolatile", 6, 40, 5}, {u"PeiBootServices", 3, 20, 6}, {u"PeiLarge", 7, 0x6000, 29},
};
inline constexpr const char16_t* deleted_name = u"PeiDeleted";

}  // namespace redoubt::guest_pei
