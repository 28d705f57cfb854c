// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/memory/page_pool.hpp"

#include <algorithm>

namespace redoubt::supervisor {

void PagePool::initialize(std::uint64_t base, std::span<PageRecord> records) {
  base_ = base;
  records_ = records;
  std::ranges::fill(records_, PageRecord{});
  free_pages_ = records_.size();
  first_free_ = 0;
}

std::span<PageRecord> PagePool::range(std::uint64_t address, std::uint64_t pages) {
  if (!is_page_aligned(address) || address < base_) return {};
  const std::uint64_t first = (address - base_) / page_bytes;
  if (first > records_.size() || pages > records_.size() - first) return {};
  return records_.subspan(first, pages);
}

Result<std::uint64_t> PagePool::allocate(std::uint64_t pages, PageOwner owner, std::uint64_t limit) {
  if (pages == 0) return std::unexpected(Error::invalid_argument);
  std::uint64_t end = records_.size();
  if (limit != 0) end = limit <= base_ ? 0 : std::min(end, (limit - base_) / page_bytes);

  while (first_free_ < records_.size() && records_[first_free_].owner != PageOwner::free) ++first_free_;
  std::uint64_t run = 0;
  for (std::uint64_t index = first_free_; index < end; ++index) {
    run = records_[index].owner == PageOwner::free ? run + 1 : 0;
    if (run == pages) {
      const std::uint64_t first = index + 1 - pages;
      std::ranges::fill(records_.subspan(first, pages), PageRecord{.owner = owner});
      free_pages_ -= pages;
      return base_ + first * page_bytes;
    }
  }
  return std::unexpected(Error::out_of_memory);
}

Result<void> PagePool::allocate_at(std::uint64_t address, std::uint64_t pages, PageOwner owner) {
  const std::span<PageRecord> wanted = range(address, pages);
  if (wanted.empty()) return std::unexpected(Error::invalid_argument);
  if (!std::ranges::all_of(wanted, [](const PageRecord& record) { return record.owner == PageOwner::free; }))
    return std::unexpected(Error::out_of_memory);
  std::ranges::fill(wanted, PageRecord{.owner = owner});
  free_pages_ -= pages;
  return {};
}

void PagePool::release(std::uint64_t address, std::uint64_t pages) {
  for (PageRecord& record : range(address, pages)) {
    if (record.owner != PageOwner::free) ++free_pages_;
    record = PageRecord{};
  }
  first_free_ = std::min(first_free_, (address - base_) / page_bytes);
}

}  // namespace redoubt::supervisor
