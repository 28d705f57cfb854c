// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/memory/unblocked_ranges.hpp"

#include <algorithm>

namespace redoubt::supervisor {
namespace {

// Compares by subtraction: no number of the caller's is ever an operand of a sum.
constexpr bool holds(std::uint64_t base, std::uint64_t size, std::uint64_t address, std::uint64_t pages) {
  return address >= base && address - base < size && pages <= (size - (address - base)) / page_bytes;
}

}  // namespace

Result<bool> UnblockedRanges::unblock(const abi::LaunchRecord& record, MemoryMap& memory, std::uint64_t address,
                                      std::uint64_t pages) {
  if (locked_) return std::unexpected(Error::access_denied);
  if (!is_page_aligned(address) || pages == 0) return std::unexpected(Error::invalid_argument);
  const auto opened_before = [&](const UnblockedRange& range) {
    return holds(range.base, range.pages * page_bytes, address, pages);
  };
  if (std::ranges::any_of(ranges(), opened_before)) return false;
  if (address == 0) return std::unexpected(Error::access_denied);  // null pointers of drivers go on faulting
  const std::span ram(record.memory, std::min(record.memory_count, abi::LaunchRecord::memory_limit));
  const auto is_in = [&](const abi::LaunchMemory& range) { return holds(range.base, range.size, address, pages); };
  if (!std::ranges::any_of(ram, is_in)) return std::unexpected(Error::access_denied);
  if (count_ == ranges_.size() || pages > abi::unblocked_pages_limit - pages_)
    return std::unexpected(Error::out_of_memory);
  TRY(memory.unblock(address, pages));
  ranges_[count_++] = {address, pages};
  pages_ += pages;
  return true;
}

}  // namespace redoubt::supervisor
