// SPDX-License-Identifier: BSD-2-Clause-Patent
// When something failed that the machine isn't safe without: resets it, halts it, or lets it go on closed. The
// foundation asks for drivers; it may be compromised, and gets no more than a machine that stops, a line on the
// consoles and a record that checks out.
#pragma once

#include "supervisor/domain/fault.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// Comes back if the machine goes on without the driver that failed. `request`: as the foundation wrote it.
void stop_for(Supervisor& supervisor, const Cpu& cpu, const abi::StopRequest& request);

// The same for the foundation, which a fault has cut off: its policy is reset.
void stop_for_foundation(Supervisor& supervisor, const Cpu& cpu, const Fault& fault);

}  // namespace redoubt::supervisor
