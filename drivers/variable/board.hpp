// SPDX-License-Identifier: BSD-2-Clause-Patent
// What of the board decides how variables are kept, in the driver's terms. Its facts are
// platform/<board>/devices.hpp's.
#pragma once

#include <cstdint>

#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/variable_services.hpp"
#include "platform/devices.hpp"

namespace redoubt::variable::board {

inline constexpr std::uintptr_t flash_base = platform::board::variable_flash_base;
inline constexpr StoreLayout layout = ovmf_4m_layout;
static_assert(layout.volume_size == platform::board::variable_flash_bytes);

inline constexpr Limits limits = {
    .memory_overwrite = platform::board::clears_memory_on_request,
};

}  // namespace redoubt::variable::board
