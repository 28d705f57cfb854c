// SPDX-License-Identifier: BSD-2-Clause-Patent
// MMI types for MmiManage between drivers alone. A dispatcher of MMI sources registers each child as the handler of
// such a type, so that the foundation calls the child and a fault stops the child's driver, not the dispatcher. A
// message from outside never reaches a handler of such a type.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

inline constexpr Guid inner_mmi_family = {0x5d2f9b6a, 0x3c81, 0x4e0b, {0x9a, 0x47, 0, 0, 0, 0, 0, 0}};

// The first ten bytes name the family; `kind` and `number` are the dispatcher's.
constexpr Guid inner_mmi_guid(std::uint16_t kind, std::uint32_t number) {
  Guid guid = inner_mmi_family;
  guid.data4[2] = static_cast<std::uint8_t>(kind);
  guid.data4[3] = static_cast<std::uint8_t>(kind >> 8);
  for (std::uint32_t i = 0; i < 4; ++i) guid.data4[4 + i] = static_cast<std::uint8_t>(number >> 8 * i);
  return guid;
}

constexpr bool is_inner_mmi(const Guid& guid) {
  return guid.data1 == inner_mmi_family.data1 && guid.data2 == inner_mmi_family.data2 &&
         guid.data3 == inner_mmi_family.data3 && guid.data4[0] == inner_mmi_family.data4[0] &&
         guid.data4[1] == inner_mmi_family.data4[1];
}

}  // namespace redoubt::abi
