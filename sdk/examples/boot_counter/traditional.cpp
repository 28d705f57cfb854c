// SPDX-License-Identifier: BSD-2-Clause-Patent
// The boot counter as DXE_SMM_DRIVER: started with DXE's system table, through which it finds MM's.
#include "driver.hpp"
#include "sdk/traditional_driver.hpp"

REDOUBT_SMM_DRIVER(/*image_handle*/, system_table) {
  redoubt::abi::MmSystemTable* mmst = nullptr;
  const redoubt::abi::EfiStatus found = redoubt::sdk::find_mm_system_table(*system_table, mmst);
  return redoubt::abi::status::is_error(found) ? found : redoubt::boot_counter::start(*mmst);
}
