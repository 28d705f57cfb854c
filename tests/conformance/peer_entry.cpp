// SPDX-License-Identifier: BSD-2-Clause-Patent
// The peers' entry points in the guest; the build says which.
#include "sdk/mm_driver.hpp"
#include "tests/conformance/peer.hpp"

REDOUBT_MM_DRIVER(image_handle, mmst) { return redoubt::conformance::REDOUBT_PEER(image_handle, mmst); }
