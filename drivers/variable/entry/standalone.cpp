// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variable driver as MM_STANDALONE. Cores of this model hand out messages that were copied into MMRAM.
#include "drivers/variable/mm_driver.hpp"
#include "sdk/mm_driver.hpp"

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
  return redoubt::variable::start_driver(*mmst, redoubt::variable::MessageMemory::captured);
}
