// SPDX-License-Identifier: BSD-2-Clause-Patent
// Between the common part and the entry file of each model.
#pragma once

#include "abi/pi/mm_system_table.hpp"

namespace redoubt::boot_counter {

// Registers everything. On an error the entry point must return that status: the core then takes back what was
// registered and unloads the driver. `mmst` must stay valid.
abi::EfiStatus start(abi::MmSystemTable& mmst);

}  // namespace redoubt::boot_counter
