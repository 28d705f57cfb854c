// SPDX-License-Identifier: BSD-2-Clause-Patent
// A PEIM has no memory to sort in, so the list is walked again from each place where a descriptor begins or ends to the
// next: between two of them everything is the same.
#include "launch/pei/system_memory.hpp"

#include <algorithm>
#include <optional>

#include "abi/pi/hob_cursor.hpp"
#include "base/address.hpp"

namespace redoubt::launch {
namespace {

// EFI_RESOURCE_TYPE (PI 1.9, volume 3, 5.5): ports are no memory.
constexpr std::uint32_t resource_system_memory = 0;
constexpr std::uint32_t resource_io = 2;
constexpr std::uint32_t resource_io_reserved = 6;

struct Extent {
  std::uint64_t base;
  std::uint64_t end;
  bool is_ram;
};

// The whole pages of RAM, or the pages that something else touches.
std::optional<Extent> make_extent(std::uint64_t start, std::uint64_t length, bool is_ram) {
  constexpr std::uint64_t rest = page_bytes - 1;
  if (length == 0 || length > ~rest - start || start > ~rest - length) {
    return std::nullopt;
  }
  const std::uint64_t end = start + length;
  const Extent extent =
      is_ram ? Extent{(start + rest) & ~rest, end & ~rest, true} : Extent{start & ~rest, (end + rest) & ~rest, false};
  return extent.base < extent.end ? std::optional(extent) : std::nullopt;
}

template <typename Visit>
void for_each_extent(Bytes hobs, std::span<const abi::MmramDescriptor> mmram, Visit visit) {
  abi::HobCursor cursor(hobs);
  while (const auto found = cursor.next()) {
    const auto hob =
        found->type == abi::HobType::resource_descriptor ? found->read<abi::HobResourceDescriptor>() : std::nullopt;
    if (hob && hob->resource_type != resource_io && hob->resource_type != resource_io_reserved) {
      if (const auto extent = make_extent(hob->start, hob->length, hob->resource_type == resource_system_memory)) {
        visit(*extent);
      }
    }
  }
  for (const abi::MmramDescriptor& region : mmram) {
    if (const auto extent = make_extent(region.physical_start, region.physical_size, false)) {
      visit(*extent);
    }
  }
}

}  // namespace

std::uint32_t collect_system_memory(Bytes hobs, std::span<const abi::MmramDescriptor> mmram,
                                    std::span<abi::LaunchMemory> ranges) {
  std::uint32_t count = 0;
  std::uint64_t start = 0;
  while (true) {
    std::uint64_t next = ~std::uint64_t{0};
    bool is_ram = false;
    bool is_other = false;
    for_each_extent(hobs, mmram, [&](const Extent& extent) {
      for (const std::uint64_t edge : {extent.base, extent.end}) {
        if (edge > start) {
          next = std::min(next, edge);
        }
      }
      if (extent.base <= start && start < extent.end) {
        (extent.is_ram ? is_ram : is_other) = true;
      }
    });
    if (next == ~std::uint64_t{0}) {
      return count;
    }
    if (is_ram && !is_other) {
      if (count != 0 && ranges[count - 1].base + ranges[count - 1].size == start) {
        ranges[count - 1].size += next - start;
      } else if (count < ranges.size()) {
        ranges[count++] = {start, next - start};
      } else {
        return count;
      }
    }
    start = next;
  }
}

}  // namespace redoubt::launch
