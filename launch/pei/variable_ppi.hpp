// SPDX-License-Identifier: BSD-2-Clause-Patent
// The PPIs with which other PEIMs reach variables in MM: our own, which also writes, and the specification's read-only
// one. That one takes the place of stock PeiVariable's: PeiVariable remembers at which offsets of the store it has
// found what, which is wrong after any write.
#pragma once

#include "abi/pi/pei.hpp"
#include "launch/pei/reason.hpp"

namespace redoubt::launch {

// Installs both PPIs if a variable driver answers in MM; if not, PEI keeps what it has. The mailbox must be open.
Step<void> install_variable_services(abi::PeiServicesPointer services);

}  // namespace redoubt::launch
