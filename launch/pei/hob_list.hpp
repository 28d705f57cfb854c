// SPDX-License-Identifier: BSD-2-Clause-Patent
// Measuring a HOB list, so that it can be copied into MMRAM whole. Volume 3 of PI 1.9, chapter 5.
#pragma once

#include <cstddef>

#include "base/byte_reader.hpp"

namespace redoubt::launch {

// Bytes of the list at the start of `memory`, the end-of-list HOB included. Error::malformed when the list doesn't
// start with a hand-off HOB or a length is less than a header or no multiple of 8; Error::truncated when `memory`
// ends before the list does.
Result<std::size_t> measure_hob_list(Bytes memory);

}  // namespace redoubt::launch
