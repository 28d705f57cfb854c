// SPDX-License-Identifier: BSD-2-Clause-Patent
// The PPIs with which other PEIMs talk to MM once it runs.
#pragma once

#include "abi/pi/communicate.hpp"
#include "abi/pi/pei.hpp"
#include "launch/pei/reason.hpp"

namespace redoubt::launch {

// Installs EFI_PEI_MM_COMMUNICATION_PPI and EFI_PEI_MM_COMMUNICATION3_PPI over this buffer.
Step<void> install_communication(abi::PeiServicesPointer services, const abi::CommBufferDescription& description);

}  // namespace redoubt::launch
