// SPDX-License-Identifier: BSD-2-Clause-Patent
// See system_memory.hpp. The list is walked once for each range, from low addresses to high ones, because a PEIM has no
// memory to sort in.
#include "launch/pei/system_memory.hpp"

#include <optional>

#include "abi/pi/hob.hpp"

namespace redoubt::launch {
namespace {

constexpr std::uint64_t page_size = 4096;
constexpr std::uint32_t resource_system_memory = 0;  // EFI_RESOURCE_SYSTEM_MEMORY

struct Extent {
  std::uint64_t base;
  std::uint64_t end;
};

// The whole pages of a descriptor of RAM.
std::optional<Extent> extent_of(Bytes hobs, std::size_t position) {
  const auto hob = read_at<abi::HobResourceDescriptor>(hobs, position);
  if (!hob || hob->header.type != abi::HobType::resource_descriptor || hob->header.length < sizeof(*hob) ||
      hob->resource_type != resource_system_memory || hob->length > ~std::uint64_t{0} - hob->start ||
      hob->start > ~std::uint64_t{0} - (page_size - 1)) {
    return std::nullopt;
  }
  const Extent extent{(hob->start + page_size - 1) & ~(page_size - 1), (hob->start + hob->length) & ~(page_size - 1)};
  return extent.base < extent.end ? std::optional(extent) : std::nullopt;
}

template <typename Visit>
void for_each_extent(Bytes hobs, Visit visit) {
  std::size_t position = 0;
  while (true) {
    const auto header = read_at<abi::HobHeader>(hobs, position);
    if (!header || header->type == abi::HobType::end_of_list || header->length < sizeof(abi::HobHeader)) {
      return;
    }
    if (const auto extent = extent_of(hobs, position)) {
      visit(*extent);
    }
    position += header->length;
  }
}

// The lowest RAM from `start` on.
std::optional<Extent> next_extent(Bytes hobs, std::uint64_t start) {
  std::optional<Extent> lowest;
  for_each_extent(hobs, [&](const Extent& extent) {
    if (extent.base >= start && (!lowest || extent.base < lowest->base)) {
      lowest = extent;
    }
  });
  bool grows = lowest.has_value();
  while (grows) {
    grows = false;
    for_each_extent(hobs, [&](const Extent& extent) {
      if (extent.base <= lowest->end && extent.end > lowest->end) {
        lowest->end = extent.end;
        grows = true;
      }
    });
  }
  return lowest;
}

}  // namespace

std::uint32_t collect_system_memory(Bytes hobs, std::span<abi::LaunchMemory> ranges) {
  std::uint32_t count = 0;
  std::uint64_t start = 0;
  while (count < ranges.size()) {
    const auto extent = next_extent(hobs, start);
    if (!extent) {
      break;
    }
    ranges[count++] = {extent->base, extent->end - extent->base};
    start = extent->end;
  }
  return count;
}

}  // namespace redoubt::launch
