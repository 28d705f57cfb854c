// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/protocols/memory_attributes.hpp"

#include "abi/pi/mm_memory_attribute.hpp"
#include "foundation/efi_status.hpp"

namespace redoubt::foundation {

using abi::EfiStatus;
namespace attribute = abi::memory_attribute;

std::uint64_t MemoryAttributes::attributes_at(std::uint64_t address) const {
  const abi::Rights rights = rights_of(map_.origin(address), map_.limits(address));
  return (!rights.read ? attribute::read_protect : 0) | (!rights.write ? attribute::read_only : 0) |
         (!rights.execute ? attribute::execute_protect : 0);
}

// Not pages of small pool buffers: the allocator zeroes those when they are freed.
bool MemoryAttributes::changeable(DriverNumber caller, std::uint64_t page) {
  const PageMap::Entry entry = map_.at(page);
  if (entry.use == PageUse::none) return false;
  if (entry.owner != caller) {
    ledger_.refuse(caller, Refusal::pages, entry.owner);
    return false;
  }
  return entry.use != PageUse::pool_slab;
}

EfiStatus MemoryAttributes::get(std::uint64_t base, std::uint64_t length, std::uint64_t& attributes) const {
  if (length == 0) return abi::status::invalid_parameter;
  if (length - 1 > UINT64_MAX - base) return abi::status::unsupported;
  const std::uint64_t first = base & ~(page_bytes - 1);
  for (std::uint64_t page = first;; page += page_bytes) {
    if (map_.at(page).use == PageUse::none) return abi::status::unsupported;  // so the walk ends where MMRAM ends
    const std::uint64_t found = attributes_at(page);
    if (page == first) attributes = found;
    if (found != attributes) return abi::status::no_mapping;
    if (base + (length - 1) - page < page_bytes) return abi::status::success;
  }
}

EfiStatus MemoryAttributes::set(DriverNumber caller, std::uint64_t base, std::uint64_t length,
                                std::uint64_t attributes) {
  return change(caller, base, length, attributes, true);
}

EfiStatus MemoryAttributes::clear(DriverNumber caller, std::uint64_t base, std::uint64_t length,
                                  std::uint64_t attributes) {
  return change(caller, base, length, attributes, false);
}

EfiStatus MemoryAttributes::change(DriverNumber caller, std::uint64_t base, std::uint64_t length,
                                   std::uint64_t attributes, bool value) {
  if (length == 0 || attributes == 0) return abi::status::invalid_parameter;
  if ((attributes & ~attribute::all) != 0 || base % page_bytes != 0 || length % page_bytes != 0 ||
      length - 1 > UINT64_MAX - base) {
    return abi::status::unsupported;
  }
  const std::uint64_t pages = length / page_bytes;
  for (std::uint64_t i = 0; i < pages; ++i) {
    const std::uint64_t page = base + i * page_bytes;
    if (!changeable(caller, page)) return abi::status::unsupported;
    if (value) continue;
    // Only what was given up can be had back.
    const PageOrigin origin = map_.origin(page);
    if ((attributes & attribute::read_only) != 0 && origin != PageOrigin::data && origin != PageOrigin::mixed) {
      return abi::status::unsupported;
    }
    if ((attributes & attribute::execute_protect) != 0 && origin != PageOrigin::code && origin != PageOrigin::mixed) {
      return abi::status::unsupported;
    }
  }
  for (std::uint64_t i = 0; i < pages; ++i) {
    const std::uint64_t page = base + i * page_bytes;
    PageLimits limits = map_.limits(page);
    if ((attributes & attribute::read_protect) != 0) limits.no_read = value;
    if ((attributes & attribute::read_only) != 0) limits.no_write = value;
    if ((attributes & attribute::execute_protect) != 0) limits.no_execute = value;
    // The supervisor refuses only what isn't the drivers', which was looked at above.
    const auto set = supervisor_.set_page_access(PhysicalAddress(page), 1,
                                                 abi::held_by_drivers(rights_of(map_.origin(page), limits)));
    if (!set) return to_efi_status(set.error());
    map_.set_limits(page, limits);
  }
  return abi::status::success;
}

}  // namespace redoubt::foundation
