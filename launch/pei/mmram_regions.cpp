// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/mmram_regions.hpp"

#include <optional>

#include "base/address.hpp"
#include "base/checked.hpp"

namespace redoubt::launch {
namespace {

Result<Range<PhysicalSpace>> checked_range(const abi::MmramDescriptor& region) {
  if (region.physical_size == 0 || region.cpu_start != region.physical_start ||
      !is_aligned(region.physical_start, page_bytes) || !is_aligned(region.physical_size, page_bytes)) {
    return std::unexpected(Error::malformed);
  }
  const auto range = Range<PhysicalSpace>::create(PhysicalAddress(region.physical_start), region.physical_size);
  if (!range) {
    return std::unexpected(Error::malformed);
  }
  return *range;
}

std::uint64_t locked_state(std::uint64_t state) {
  return (state & ~abi::mmram_state::open) | abi::mmram_state::closed | abi::mmram_state::locked;
}

}  // namespace

Result<std::size_t> choose_region(std::span<const abi::MmramDescriptor> regions) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const Range<PhysicalSpace> range = TRY(checked_range(regions[i]));
    for (std::size_t j = 0; j < i; ++j) {
      if (range.overlaps(TRY(checked_range(regions[j])))) {
        return std::unexpected(Error::malformed);
      }
    }
    if ((regions[i].region_state & abi::mmram_state::allocated) != 0) {
      continue;
    }
    if (!best || regions[i].physical_size > regions[*best].physical_size) {
      best = i;
    }
  }
  if (!best) {
    return std::unexpected(Error::not_found);
  }
  return *best;
}

Result<void> describe_regions(std::span<const abi::MmramDescriptor> regions, std::size_t chosen, std::uint64_t used,
                              std::span<abi::MmramDescriptor> out) {
  if (chosen >= regions.size() || out.size() != regions.size() + 1 || used == 0 || !is_aligned(used, page_bytes) ||
      used >= regions[chosen].physical_size) {
    return std::unexpected(Error::invalid_argument);
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    abi::MmramDescriptor region = regions[i];
    region.region_state = locked_state(region.region_state);
    if (i == chosen) {
      abi::MmramDescriptor in_use = region;
      in_use.physical_size = used;
      in_use.region_state |= abi::mmram_state::allocated;
      out[next++] = in_use;
      region.physical_start += used;
      region.cpu_start += used;
      region.physical_size -= used;
    }
    out[next++] = region;
  }
  return {};
}

}  // namespace redoubt::launch
