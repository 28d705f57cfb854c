// SPDX-License-Identifier: BSD-2-Clause-Patent
// The driver as both models start it: the services on the board's flash, the two MMI handlers and the protocols for
// other MM drivers. What differs between the models is in entry/.
#pragma once

#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::variable {

// What else can write a message while a handler looks at it.
enum class MessageMemory {
  captured,  // none: the core hands out a copy of its own, at an address that is a multiple of 8
  shared,    // the caller's memory, which other CPUs and devices reach; handlers work on a copy
};

// Starts the driver, once. The status is the entry point's. With a damaged store the driver serves volatile variables
// and refuses to write others; the log says why.
abi::EfiStatus start_driver(abi::MmSystemTable& mmst, MessageMemory comm_buffer);

}  // namespace redoubt::variable
