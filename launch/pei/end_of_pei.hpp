// SPDX-License-Identifier: BSD-2-Clause-Patent
// Tells MM that PEI is over, as edk2's IPL does: when the last PEIM installs the EndOfPei PPI, a message with the GUID
// of the EndOfPei protocol goes to MM, which installs that protocol for its drivers.
#pragma once

#include "abi/pi/pei.hpp"
#include "launch/pei/reason.hpp"

namespace redoubt::launch {

// The communication PPI must be there when PEI ends.
Step<void> watch_end_of_pei(abi::PeiServicesPointer services);

}  // namespace redoubt::launch
