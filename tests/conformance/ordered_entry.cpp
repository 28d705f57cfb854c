// SPDX-License-Identifier: BSD-2-Clause-Patent
// An ordered driver's entry point in the guest; its number comes from the build.
#include "sdk/mm_driver.hpp"
#include "tests/conformance/ordered.hpp"

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) { return redoubt::conformance::start_ordered<REDOUBT_ORDERED>(mmst); }
