// SPDX-License-Identifier: BSD-2-Clause-Patent
// RAM outside MMRAM that was opened to drivers, until the lock. It decides what may be
// opened and remembers what is; how it is mapped is the memory map's. The program that asks for it is outside MM, and
// the foundation that passes the request on may be compromised: nothing here believes either.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "abi/redoubt/launch.hpp"
#include "abi/redoubt/syscall.hpp"
#include "base/address.hpp"
#include "base/result.hpp"
#include "supervisor/memory/memory_map.hpp"

namespace redoubt::supervisor {

class UnblockedRanges {
 public:
  // Opens `pages` whole pages at `address`, all of them in one range of the record's memory. False: a range that was
  // opened before holds them all. Errors: access_denied (locked, not RAM, or memory that drivers see already or must
  // not see), invalid_argument as MemoryMap::unblock(), out_of_memory (also when there would be too many ranges or
  // pages).
  Result<bool> unblock(const abi::LaunchRecord& record, MemoryMap& memory, PhysicalAddress address,
                       std::uint64_t pages);

  // For good.
  void lock() { locked_ = true; }
  bool locked() const { return locked_; }

  std::span<const Range<PhysicalSpace>> ranges() const { return std::span(ranges_).first(count_); }

 private:
  std::array<Range<PhysicalSpace>, abi::unblocked_limit> ranges_{};
  std::uint32_t count_ = 0;
  std::uint64_t pages_ = 0;  // of all ranges
  bool locked_ = false;
};

}  // namespace redoubt::supervisor
