// SPDX-License-Identifier: BSD-2-Clause-Patent
// What each page of MMRAM is used for, who holds it, and what ring 3 may do with it. The records are the authority:
// page tables are written from them, and pointers from ring 3 are checked against them without walking a table.
#pragma once

#include <cstdint>
#include <span>

#include "abi/redoubt/page_access.hpp"
#include "base/address.hpp"
#include "base/result.hpp"

namespace redoubt::supervisor {

constexpr bool is_page_aligned(std::uint64_t bytes) { return (bytes & (page_bytes - 1)) == 0; }
constexpr bool is_page_aligned(PhysicalAddress address) { return is_page_aligned(address.number); }
template <class Space>
constexpr Address<Space> page_floor(Address<Space> address) {
  return address - address.number % page_bytes;
}
constexpr std::uint64_t pages_of(std::uint64_t bytes) {
  return bytes / page_bytes + ((bytes % page_bytes) != 0 ? 1 : 0);
}

enum class PageUse : std::uint8_t {
  free,
  entry,       // code at SMBASE + 0x8000
  save_state,  // written by the processor on SMI
  supervisor,  // image, records, per-CPU areas, stacks of ring 0
  page_table,
  guard,    // never mapped
  capture,  // copy of the communication buffer
  volume,   // firmware volume and HOB list, read by the foundation
  fixed,    // ring-3 memory laid out by the supervisor: foundation image, ring-3 stacks, gates
  ring3,    // obtained by the foundation through system calls; the only kind that it may free or change
};

struct PageRecord {
  PageUse use = PageUse::free;
  abi::PageAccess access{};
};
static_assert(sizeof(PageRecord) == 4);

class PagePool {
 public:
  // Takes over `memory`, whole pages, with one record for each. All pages start free.
  void initialize(Range<PhysicalSpace> memory, std::span<PageRecord> records);

  // Contiguous pages, lowest fit. With a limit, the last byte lies below it. Errors: out_of_memory,
  // invalid_argument for zero pages.
  Result<PhysicalAddress> allocate(std::uint64_t pages, PageUse use, PhysicalAddress limit = {});

  // Errors: invalid_argument (not in the pool, not aligned, zero), out_of_memory (not all free).
  Result<void> allocate_at(PhysicalAddress address, std::uint64_t pages, PageUse use);

  // Gives pages back; their records become those of a free page. The range must be in the pool.
  void release(PhysicalAddress address, std::uint64_t pages);

  // The record of the page that holds `address`, or null outside the pool.
  PageRecord* find(PhysicalAddress address) { return extent_.contains(address) ? &at(address) : nullptr; }
  const PageRecord* find(PhysicalAddress address) const { return const_cast<PagePool*>(this)->find(address); }

  // The same for an address in the pool.
  PageRecord& at(PhysicalAddress address) { return records_[(address - base()) / page_bytes]; }
  const PageRecord& at(PhysicalAddress address) const { return records_[(address - base()) / page_bytes]; }

  // The records of whole pages, empty if any page lies outside the pool or the range wraps.
  std::span<PageRecord> range(PhysicalAddress address, std::uint64_t pages);

  PhysicalAddress base() const { return extent_.base(); }
  // All of it.
  Range<PhysicalSpace> extent() const { return extent_; }
  std::uint64_t page_count() const { return records_.size(); }
  std::uint64_t free_pages() const { return free_pages_; }

 private:
  Range<PhysicalSpace> extent_;
  std::span<PageRecord> records_;
  std::uint64_t free_pages_ = 0;
  std::uint64_t first_free_ = 0;  // no page below this index is free
};

}  // namespace redoubt::supervisor
