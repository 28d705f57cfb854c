// SPDX-License-Identifier: BSD-2-Clause-Patent
// The driver, whatever the model it is built for: the dispatcher over the MM system table and the ports of the board.
#pragma once

#include "abi/pi/mm_system_table.hpp"

namespace redoubt::child_dispatch {

// Installs the child dispatch protocols, all on one handle. An error: what the system table's services returned.
abi::EfiStatus start_driver(abi::MmSystemTable& mmst);

}  // namespace redoubt::child_dispatch
