// SPDX-License-Identifier: BSD-2-Clause-Patent
// Choosing the MMRAM that Redoubt gets from what the MM access PPI reports, and describing MMRAM for the HOBs. The
// descriptors come from other firmware and are checked before anything is computed from them.
#pragma once

#include <cstddef>
#include <span>

#include "abi/pi/hob.hpp"
#include "base/result.hpp"

namespace redoubt::launch {

// More regions than any chipset has; the HOBs hold one more, the part of the chosen region that is in use.
inline constexpr std::size_t maximum_mmram_regions = 8;

// The index of the largest region that isn't allocated. Error::malformed when a region wraps, isn't in whole pages,
// has different addresses for CPU and bus, or overlaps another; Error::not_found when all are allocated.
Result<std::size_t> choose_region(std::span<const abi::MmramDescriptor> regions);

// Writes regions.size() + 1 descriptors of MMRAM as it will be once it is locked: the chosen region in two, the used
// part marked allocated, the rest free. `used` is in whole pages, not empty, and smaller than the region.
// Error::invalid_argument when it isn't or when `out` has another size.
Result<void> describe_regions(std::span<const abi::MmramDescriptor> regions, std::size_t chosen, std::uint64_t used,
                              std::span<abi::MmramDescriptor> out);

}  // namespace redoubt::launch
