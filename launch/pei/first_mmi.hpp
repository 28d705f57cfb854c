// SPDX-License-Identifier: BSD-2-Clause-Patent
// The one MMI in which the IPL's own entry code runs: from there the supervisor takes over.
#pragma once

#include "launch/pei/mmram_layout.hpp"
#include "launch/pei/reason.hpp"

namespace redoubt::launch {

// Builds page tables and entry code, raises the MMI and waits for LaunchRecord::result, which must be 0 before.
// `entry` is the address of the supervisor's entry point. MMRAM is open and this CPU's SMBASE is layout.smbase(0).
Step<void> run_first_mmi(const MmramLayout& layout, std::uint64_t entry);

}  // namespace redoubt::launch
