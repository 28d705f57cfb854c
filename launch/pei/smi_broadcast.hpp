// SPDX-License-Identifier: BSD-2-Clause-Patent
// Making every software SMI go to all CPUs, which QEMU does when it is asked over fw_cfg. Only the broadcast bit is
// asked for: with the hotplug bits a CPU that is added later would run SMIs from its default SMBASE, and without them
// QEMU refuses the hotplug.
#pragma once

#include "base/result.hpp"

namespace redoubt::launch {

// Error::unsupported when QEMU doesn't offer the negotiation or the feature, Error::malformed when its files have
// other sizes than the interface says, Error::device when it refuses or a transfer fails.
Result<void> negotiate_smi_broadcast();

}  // namespace redoubt::launch
