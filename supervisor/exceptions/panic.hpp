// SPDX-License-Identifier: BSD-2-Clause-Patent
// The end: ring 0 broke one of its own invariants, or the hardware reported an error that cannot be contained. One line
// on each console, then a reset: MM that is wrong about itself must not go on.
#pragma once

#include "arch/x86_64/registers/register_frame.hpp"

namespace redoubt::supervisor {

[[noreturn]] void panic(const arch::RegisterFrame& frame, const char* reason);

}  // namespace redoubt::supervisor
