// SPDX-License-Identifier: BSD-2-Clause-Patent
// Giving every CPU an SMBASE in MMRAM, one after the other, through an SMI that it raises itself at the default
// SMBASE. SMIs must be enabled, not yet be broadcast, and MMRAM must be open and mapped at its own address.
#pragma once

#include "launch/pei/mmram_layout.hpp"
#include "launch/pei/processors.hpp"

namespace redoubt::launch {

// When it succeeds each CPU has been seen in SMM at its new SMBASE and is the one whose APIC id MP services claim.
// Memory at the default SMBASE is as it was before; entry pages hold code that must be replaced or cleared.
Step<void> relocate_smbases(const Processors& processors, const MmramLayout& layout);

}  // namespace redoubt::launch
