// SPDX-License-Identifier: BSD-2-Clause-Patent
// The supervisor's entry from ring 3 in a test image: an invalid opcode in ring 0, the first time.
#include "supervisor/exceptions/trap.hpp"

extern "C" redoubt::supervisor::Continuation supervisor_trap(redoubt::supervisor::Cpu& /*cpu*/) { __builtin_trap(); }
