// SPDX-License-Identifier: BSD-2-Clause-Patent
// Decides what an entry from ring 3 means: a system call, a gate, the first use of the FPU, or a fault.
#pragma once

#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// The frame of `cpu` holds the entry.
Continuation handle_trap(Supervisor& supervisor, Cpu& cpu);

}  // namespace redoubt::supervisor
