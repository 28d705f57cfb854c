// SPDX-License-Identifier: BSD-2-Clause-Patent
// The dispatcher of MMI sources as MM_STANDALONE.
#include "drivers/child_dispatch/mm_driver.hpp"
#include "sdk/mm_driver.hpp"

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) { return redoubt::child_dispatch::start_driver(*mmst); }
