// SPDX-License-Identifier: BSD-2-Clause-Patent
// The end: ring 0 broke one of its own invariants, or the hardware reported an error that cannot be contained. A line
// on each console, then what stopping/machine_end.hpp makes of it: MM that is wrong about itself must not go on.
#pragma once

#include "arch/x86_64/registers/register_frame.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// On any CPU, at any time, without regard to who runs MM. `frame`: what is said about where.
[[noreturn]] void panic(Supervisor& supervisor, const arch::RegisterFrame& frame, const char* reason);

}  // namespace redoubt::supervisor
