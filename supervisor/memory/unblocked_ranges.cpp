// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/memory/unblocked_ranges.hpp"

#include <algorithm>

namespace redoubt::supervisor {
Result<bool> UnblockedRanges::unblock(const abi::LaunchRecord& record, MemoryMap& memory, PhysicalAddress address,
                                      std::uint64_t pages) {
  if (locked_) return std::unexpected(Error::access_denied);
  if (!is_page_aligned(address) || pages == 0) return std::unexpected(Error::invalid_argument);
  // No RAM reaches that far.
  if (pages > ~std::uint64_t{0} / page_bytes) return std::unexpected(Error::access_denied);
  const auto checked = Range<PhysicalSpace>::create(address, pages * page_bytes);
  if (!checked) return std::unexpected(Error::access_denied);
  const Range<PhysicalSpace> wanted = *checked;
  const auto opened_before = [&](const Range<PhysicalSpace>& range) { return range.contains(wanted); };
  if (std::ranges::any_of(ranges(), opened_before)) return false;
  if (address == PhysicalAddress())
    return std::unexpected(Error::access_denied);  // null pointers of drivers go on faulting
  const std::span ram(record.memory, std::min(record.memory_count, abi::LaunchRecord::memory_limit));
  const auto is_in = [&](const abi::LaunchMemory& memory) {
    const auto range = Range<PhysicalSpace>::create(PhysicalAddress(memory.base), memory.size);
    return range && range->contains(wanted);
  };
  if (!std::ranges::any_of(ram, is_in)) return std::unexpected(Error::access_denied);
  if (count_ == ranges_.size() || pages > abi::unblocked_pages_limit - pages_)
    return std::unexpected(Error::out_of_memory);
  TRY(memory.unblock(address, pages));
  ranges_[count_++] = wanted;
  pages_ += pages;
  return true;
}

}  // namespace redoubt::supervisor
