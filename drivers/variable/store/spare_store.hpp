// SPDX-License-Identifier: BSD-2-Clause-Patent
// A store that is nowhere but in the spare area. Stock firmware, and any that takes an erased store for one that
// nothing was ever written to, puts an empty store in its place, and the next fault-tolerant write erases the last copy
// of what was there: signature databases too, which would leave Secure Boot off.
#pragma once

#include "base/byte_reader.hpp"
#include "drivers/variable/store/layout.hpp"

namespace redoubt::variable {

// Whether the store's place in `window` is blank while the spare area holds variables, and no pending write will put
// them there. `layout` is sound, and `window` has its size.
bool spare_holds_store(Bytes window, const StoreLayout& layout);

}  // namespace redoubt::variable
