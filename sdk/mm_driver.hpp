// SPDX-License-Identifier: BSD-2-Clause-Patent
// All that an MM_STANDALONE driver of this tree includes: the system table, the protocols' GUIDs and its entry point.
// A driver is a freestanding PE32+ image built by redoubt_mm_driver() (sdk/RedoubtDriver.cmake). It runs in ring 3,
// has no other services than the MM system table, and nothing in it is initialised before its entry point runs:
// objects of static storage are constant-initialised (constinit) or the link fails.
#pragma once

#include "abi/pi/communicate.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/service_types.hpp"
#include "abi/uefi/types.hpp"

// The driver's entry point. An error status unloads the driver: everything it registered is removed.
//
//   REDOUBT_MM_DRIVER(image_handle, mmst) {
//     ...
//     return redoubt::abi::status::success;
//   }
#define REDOUBT_MM_DRIVER(image_handle, mmst)                                                      \
  extern "C" EFIAPI ::redoubt::abi::EfiStatus mm_driver_entry(::redoubt::abi::Handle image_handle, \
                                                              ::redoubt::abi::MmSystemTable* mmst)

extern "C" EFIAPI redoubt::abi::EfiStatus mm_driver_entry(redoubt::abi::Handle image_handle,
                                                          redoubt::abi::MmSystemTable* mmst);
