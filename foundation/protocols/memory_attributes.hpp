// SPDX-License-Identifier: BSD-2-Clause-Patent
// Rights of drivers to their own pages, as drivers may change them (EDKII_SMM_MEMORY_ATTRIBUTE_PROTOCOL). A driver can
// take rights from a page and give the same ones back, no more: what was never code stays data, and code is never
// writable. So a page that drivers can write is one that they can't execute, whatever was called in between.
#pragma once

#include <cstdint>

#include "abi/uefi/types.hpp"
#include "foundation/driver_ledger.hpp"
#include "foundation/page_map.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

class MemoryAttributes {
 public:
  constexpr MemoryAttributes(Supervisor& supervisor, PageMap& map, DriverLedger& ledger)
      : supervisor_(supervisor), map_(map), ledger_(ledger) {}
  MemoryAttributes(const MemoryAttributes&) = delete;
  MemoryAttributes& operator=(const MemoryAttributes&) = delete;

  // Attributes are those of abi::memory_attribute. Errors: invalid_parameter for no bytes, or for setting or clearing
  // nothing; no_mapping from get() if pages differ; unsupported for a range that isn't whole pages (set, clear), isn't
  // the caller's (noted if it is another driver's) or can't have such attributes.
  // A range is changed as a whole or not at all.
  abi::EfiStatus get(std::uint64_t base, std::uint64_t length, std::uint64_t& attributes) const;
  abi::EfiStatus set(DriverNumber caller, std::uint64_t base, std::uint64_t length, std::uint64_t attributes);
  abi::EfiStatus clear(DriverNumber caller, std::uint64_t base, std::uint64_t length, std::uint64_t attributes);

 private:
  abi::EfiStatus change(DriverNumber caller, std::uint64_t base, std::uint64_t length, std::uint64_t attributes,
                        bool value);
  std::uint64_t attributes_at(std::uint64_t address) const;
  bool changeable(DriverNumber caller, std::uint64_t page);

  Supervisor& supervisor_;
  PageMap& map_;
  DriverLedger& ledger_;
};

}  // namespace redoubt::foundation
