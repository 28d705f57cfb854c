// SPDX-License-Identifier: BSD-2-Clause-Patent
// The suite's entry point in the guest. On the host, the runner calls start() itself.
#include "sdk/mm_driver.hpp"
#include "tests/conformance/conformance.hpp"

REDOUBT_MM_DRIVER(image_handle, mmst) { return redoubt::conformance::start(image_handle, mmst); }
