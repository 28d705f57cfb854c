// SPDX-License-Identifier: BSD-2-Clause-Patent
// What DXE may ask MM to open to its drivers: memory that stays the firmware's when the OS runs. MM itself knows RAM
// from the rest, but not who uses it, so this is decided here, as Project Mu does; code in DXE that wants something
// else could send the message itself, and opens memory of DXE, not of MM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "abi/pi/variable_messages.hpp"
#include "abi/uefi/service_types.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::launch::dxe {

struct PageRange {
  abi::EfiPhysicalAddress address;  // 4 KiB aligned
  std::uint64_t pages;
  friend constexpr bool operator==(const PageRange&, const PageRange&) = default;
};

// A UEFI memory map as it was read: descriptors `descriptor_size` bytes apart.
struct MemoryMap {
  Bytes bytes;
  std::size_t descriptor_size;
};

// Whether all of `range` is memory that may be opened: EFI_SUCCESS; EFI_ACCESS_DENIED for memory of another type than
// reserved, runtime services or ACPI NVS, or that is read-only; EFI_NO_MAPPING for what the map doesn't list;
// EFI_INVALID_PARAMETER for an address that isn't aligned, no pages, or a range that wraps.
abi::EfiStatus check_memory_map(const MemoryMap& map, PageRange range);

// Whether `message`, of `size` bytes, with a header of any version, asks MM's variable driver to set up the stock DXE
// driver's cache (abi/pi/variable_messages.hpp).
std::optional<abi::variable_messages::RuntimeCacheContext> runtime_cache_message(void* message, std::size_t size);

// Whether a message to MM's variable driver is about that cache.
bool asks_for_cache(void* message, std::size_t size);

// Whether an answered message has set the cache up.
bool sets_up_cache(void* message, std::size_t size);

// Whether an answered message says that MM doesn't fill, or doesn't update, the cache that the stock driver was built
// for. It reads variables from there alone, and takes none, or a cache with changes still to come, for a machine
// without variables: Secure Boot would be off. `has_cache`: one was set up before; without, also a refused request is
// the end, whatever MM found wrong with it.
bool is_left_without_cache(void* message, std::size_t size, bool has_cache);

// The pages that such a message wants MM to use: of three flags and up to three stores, each with its size in its
// header, which isn't read unless its memory may be opened. Stock firmware whose MmUnblockMemoryLib is the null
// instance has opened none of them. What may not be opened is left out. Returns how many of `ranges` were filled.
std::size_t runtime_cache_ranges(const abi::variable_messages::RuntimeCacheContext& context, const MemoryMap& map,
                                 std::span<PageRange, 6> ranges);

}  // namespace redoubt::launch::dxe
