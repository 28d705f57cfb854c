// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where q35 has the flash chip that holds the variables, with OVMF's 4 MiB layout: the second pflash, right below the
// firmware's code (edk2's OvmfPkg/OvmfPkgDefines.fdf.inc). And what the platform grants.
#pragma once

#include <cstdint>

#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/variable_services.hpp"

namespace redoubt::variable::board {

inline constexpr std::uintptr_t flash_base = 0xFFC00000;
inline constexpr StoreLayout layout = ovmf_4m_layout;

inline constexpr Limits limits = {
    // OVMF neither has a driver that makes MemoryOverwriteRequestControl nor clears memory when it's set
    // (docs/variable-semantics.md says what has to be there before this may be true).
    .memory_overwrite = false,
};

}  // namespace redoubt::variable::board
