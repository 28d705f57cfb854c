// SPDX-License-Identifier: BSD-2-Clause-Patent
// A victim's entry point in the guest; its number comes from the build.
#include "tests/conformance/victim.hpp"

#include "sdk/mm_driver.hpp"

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) { return redoubt::conformance::Victim<REDOUBT_VICTIM>::start(mmst); }
