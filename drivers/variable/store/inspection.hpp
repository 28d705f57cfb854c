// SPDX-License-Identifier: BSD-2-Clause-Patent
// Says what isn't as it should be in the image of a variable store, in the words of what open() makes of it. Host only:
// it allocates.
#pragma once

#include <vector>

#include "drivers/variable/store/finding.hpp"
#include "drivers/variable/store/layout.hpp"

namespace redoubt::variable {

// What there is to say about `volume`, in ascending order of offsets; nothing for a store that is as it should be.
// `layout` is sound, and `volume` has its size. Where a write was interrupted that the next start will end, the store
// that counts is the one in the spare area: offsets of its records are those that they are going to have.
std::vector<Finding> inspect(Bytes volume, const StoreLayout& layout);

}  // namespace redoubt::variable
