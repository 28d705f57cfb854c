// SPDX-License-Identifier: BSD-2-Clause-Patent
// Whose code it is. Drivers call each other's protocols without MM's knowledge; one that keeps objects for others (a
// child of an MMI source, a callback) asks who called it, by the address that it returns to, and whose function it was
// given. What comes of it holds as long as drivers share one address space and don't lie to each other: a driver can
// put a return address on its stack that isn't its own.
#pragma once

#include "abi/uefi/service_types.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

inline constexpr Guid driver_images_protocol_guid = {
    0x6c0c7b52, 0x8e1d, 0x4d6b, {0x9a, 0x35, 0x27, 0xd4, 0x0b, 0x61, 0x5e, 0x93}};

struct DriverImagesProtocol {
  // `*driver`: the number of the driver whose executable code is at `address`, as the log names it. Where MM itself
  // called, and the function called ends in the jump to another, that is the driver it called. EFI_NOT_FOUND if it is
  // no driver's code, or that of one that was stopped; EFI_INVALID_PARAMETER: `driver` can't be written.
  EfiStatus(EFIAPI* find)(const DriverImagesProtocol* self, const void* address, UintN* driver);
};

}  // namespace redoubt::abi
