// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the entry file of a DXE_SMM_DRIVER includes (PI 1.9, volume 4, 1.5.1): such a driver is started by a
// Traditional MM core with DXE's system table and finds its own, the same that standalone drivers are handed, through
// the MM Base protocol. DXE's services may be called until the entry point returns and never later: the common part of
// a driver doesn't know them.
#pragma once

#include "abi/pi/mm_base.hpp"
#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/boot_services.hpp"
#include "abi/uefi/system_table.hpp"

namespace redoubt::sdk {

using abi::mm_base_protocol_guid;
using abi::MmBaseProtocol;

// The MM system table; an error status if there is no MM to run in.
inline abi::EfiStatus find_mm_system_table(const abi::SystemTable& system_table, abi::MmSystemTable*& mmst) {
  void* interface = nullptr;
  const abi::EfiStatus found = system_table.boot_services->locate_protocol(&mm_base_protocol_guid, nullptr, &interface);
  if (abi::status::is_error(found)) return found;
  const auto* base = static_cast<const MmBaseProtocol*>(interface);
  return base->get_mmst_location(base, &mmst);
}

}  // namespace redoubt::sdk

// The driver's entry point. An error status unloads the driver.
//
//   REDOUBT_SMM_DRIVER(image_handle, system_table) {
//     ...
//     return redoubt::abi::status::success;
//   }
#define REDOUBT_SMM_DRIVER(image_handle, system_table)                                              \
  extern "C" EFIAPI ::redoubt::abi::EfiStatus smm_driver_entry(::redoubt::abi::Handle image_handle, \
                                                               ::redoubt::abi::SystemTable* system_table)

extern "C" EFIAPI redoubt::abi::EfiStatus smm_driver_entry(redoubt::abi::Handle image_handle,
                                                           redoubt::abi::SystemTable* system_table);
