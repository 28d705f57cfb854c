// SPDX-License-Identifier: BSD-2-Clause-Patent
// The boot counter as MM_STANDALONE: started once, with the MM system table.
#include "driver.hpp"
#include "sdk/mm_driver.hpp"

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) { return redoubt::boot_counter::start(*mmst); }
