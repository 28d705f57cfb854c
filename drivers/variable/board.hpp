// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where q35 has the flash chip that holds the variables, with OVMF's 4 MiB layout (edk2's OvmfPkg/
// OvmfPkgDefines.fdf.inc and VarStore.fdf.inc): the second pflash, right below the firmware's code. Between the store
// and the work area lies an event log that nobody writes. And what the platform grants.
#pragma once

#include <cstdint>

#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/variable_services.hpp"

namespace redoubt::variable::board {

inline constexpr std::uintptr_t flash_base = 0xFFC00000;
inline constexpr StoreLayout layout = {.block_size = 0x1000,
                                       .volume_size = 0x84000,
                                       .store_size = 0x40000,
                                       .work = 0x41000,
                                       .work_size = 0x1000,
                                       .spare = 0x42000,
                                       .spare_size = 0x42000};
static_assert(layout.is_sound());

inline constexpr Limits limits = {
    // OVMF neither has a driver that makes MemoryOverwriteRequestControl nor clears memory when it's set
    // (docs/variable-semantics.md says what has to be there before this may be true).
    .memory_overwrite = false,
};

}  // namespace redoubt::variable::board
