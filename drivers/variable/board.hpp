// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where q35 has the flash chip that holds the variables, with OVMF's 4 MiB layout (edk2's OvmfPkg/Include/Fdf/
// OvmfPkgDefines.fdf.inc): the second pflash, right below the firmware's code.
#pragma once

#include <cstdint>

namespace redoubt::variable::board {

inline constexpr std::uintptr_t flash_base = 0xFFC00000;
// The whole chip: variable store, event log, and the two areas of fault-tolerant writes.
inline constexpr std::uint32_t flash_size = 0x84000;
// The volume's header and the variable store.
inline constexpr std::uint32_t store_region = 0x40000;

}  // namespace redoubt::variable::board
