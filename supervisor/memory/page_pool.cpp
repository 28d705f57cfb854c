// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/memory/page_pool.hpp"

#include <algorithm>

namespace redoubt::supervisor {

void PagePool::initialize(Range<PhysicalSpace> memory, std::span<PageRecord> records) {
  extent_ = memory;
  records_ = records;
  std::ranges::fill(records_, PageRecord{});
  free_pages_ = records_.size();
  first_free_ = 0;
}

std::span<PageRecord> PagePool::range(PhysicalAddress address, std::uint64_t pages) {
  if (!is_page_aligned(address) || address < base()) return {};
  const std::uint64_t first = (address - base()) / page_bytes;
  if (first > records_.size() || pages > records_.size() - first) return {};
  return records_.subspan(first, pages);
}

Result<PhysicalAddress> PagePool::allocate(std::uint64_t pages, PageUse use, PhysicalAddress limit) {
  if (pages == 0) return std::unexpected(Error::invalid_argument);
  std::uint64_t end = records_.size();
  if (limit != PhysicalAddress()) end = limit <= base() ? 0 : std::min(end, (limit - base()) / page_bytes);

  while (first_free_ < records_.size() && records_[first_free_].use != PageUse::free) ++first_free_;
  std::uint64_t run = 0;
  for (std::uint64_t index = first_free_; index < end; ++index) {
    run = records_[index].use == PageUse::free ? run + 1 : 0;
    if (run == pages) {
      const std::uint64_t first = index + 1 - pages;
      std::ranges::fill(records_.subspan(first, pages), PageRecord{.use = use, .access = {}});
      free_pages_ -= pages;
      return base() + first * page_bytes;
    }
  }
  return std::unexpected(Error::out_of_memory);
}

Result<void> PagePool::allocate_at(PhysicalAddress address, std::uint64_t pages, PageUse use) {
  const std::span<PageRecord> wanted = range(address, pages);
  if (wanted.empty()) return std::unexpected(Error::invalid_argument);
  if (!std::ranges::all_of(wanted, [](const PageRecord& record) { return record.use == PageUse::free; }))
    return std::unexpected(Error::out_of_memory);
  std::ranges::fill(wanted, PageRecord{.use = use, .access = {}});
  free_pages_ -= pages;
  return {};
}

void PagePool::release(PhysicalAddress address, std::uint64_t pages) {
  for (PageRecord& record : range(address, pages)) {
    if (record.use != PageUse::free) ++free_pages_;
    record = PageRecord{};
  }
  first_free_ = std::min(first_free_, (address - base()) / page_bytes);
}

}  // namespace redoubt::supervisor
