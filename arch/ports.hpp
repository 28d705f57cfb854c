// SPDX-License-Identifier: BSD-2-Clause-Patent
// Port access of the machine this is compiled for: the real one, or the fake of the host tests.
#pragma once

#if __STDC_HOSTED__
#include "arch/fake/ports.hpp"  // IWYU pragma: export
#else
#include "arch/x86_64/cpu/ports.hpp"  // IWYU pragma: export
#endif
