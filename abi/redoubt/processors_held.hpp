// SPDX-License-Identifier: BSD-2-Clause-Patent
// How a driver that is about to write flash makes sure that no CPU runs outside MM meanwhile: a CPU outside can put a
// window of the chipset over the flash, and what the driver writes or reads back goes elsewhere then. Most MMIs write
// nothing and need no more than the CPUs that came by themselves, so it is asked for.
//
//   hold()                     every CPU that is known to run is held from here on
//   write what has no reader yet
//   hold() again               only where the first one presumed a CPU stopped: none of them ran meanwhile
//   write what makes it count
#pragma once

#include "abi/uefi/service_types.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

inline constexpr Guid processors_held_protocol_guid = {
    0x9b21a2ad, 0x4509, 0x4494, {0xa0, 0x5e, 0xff, 0x40, 0x35, 0xe2, 0x4f, 0xa4}};

struct ProcessorsHeldProtocol {
  // Calls every CPU that may run outside MM in, by every means of the board, with a bounded wait, and holds who comes
  // until the MMI ends. `*presumed_stopped`: CPUs that didn't come and aren't known to run: they wait for a SIPI, were
  // never started, or have interrupts of every kind shut out. Where it isn't zero the caller asks again before what it
  // wrote begins to count. Written on EFI_SUCCESS alone.
  //
  // EFI_SUCCESS: no CPU is known to run outside. While MM starts its drivers only firmware runs, and no other CPU is
  // held: it is 0 then. EFI_DEVICE_ERROR: a CPU that is known to run doesn't come, or one that was presumed stopped at
  // the last call of this MMI came in since: it ran. A line of the log says which. EFI_INVALID_PARAMETER:
  // `presumed_stopped` can't be written.
  EfiStatus(EFIAPI* hold)(const ProcessorsHeldProtocol* self, UintN* presumed_stopped);
};

}  // namespace redoubt::abi
