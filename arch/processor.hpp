// SPDX-License-Identifier: BSD-2-Clause-Patent
// Privileged and state instructions of the machine this is compiled for: the real one, or the fake of the host tests.
#pragma once

#if __STDC_HOSTED__
#include "arch/fake/processor.hpp"  // IWYU pragma: export
#else
#include "arch/x86_64/cpu/processor.hpp"  // IWYU pragma: export
#endif
