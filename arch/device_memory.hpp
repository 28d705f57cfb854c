// SPDX-License-Identifier: BSD-2-Clause-Patent
// Access to device registers in memory, of the machine this is compiled for: the real one, or the fake of host tests.
#pragma once

#if __STDC_HOSTED__
#include "arch/fake/device_memory.hpp"  // IWYU pragma: export
#else
#include "arch/x86_64/cpu/device_memory.hpp"  // IWYU pragma: export
#endif
