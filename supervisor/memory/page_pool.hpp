// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who owns each page of MMRAM, and what ring 3 may do with it. The records are the authority: page tables are
// written from them, and pointers from ring 3 are checked against them without walking a table.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.hpp"

namespace redoubt::supervisor {

inline constexpr std::uint64_t page_bytes = 4096;

constexpr bool is_page_aligned(std::uint64_t value) { return (value & (page_bytes - 1)) == 0; }
constexpr std::uint64_t page_floor(std::uint64_t value) { return value & ~(page_bytes - 1); }
constexpr std::uint64_t pages_of(std::uint64_t bytes) {
  return bytes / page_bytes + ((bytes % page_bytes) != 0 ? 1 : 0);
}

enum class PageOwner : std::uint8_t {
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

// Access rights are PageAccess values of abi/redoubt/syscall.hpp.
struct PageRecord {
  PageOwner owner = PageOwner::free;
  std::uint8_t foundation = 0;
  std::uint8_t drivers = 0;
  std::uint8_t reserved = 0;
};
static_assert(sizeof(PageRecord) == 4);

class PagePool {
 public:
  // Takes over [base, base + records.size() pages). All pages start free. `base` is page-aligned.
  void initialize(std::uint64_t base, std::span<PageRecord> records);

  // Contiguous pages, lowest fit. With a limit, the last byte lies below it. Errors: out_of_memory,
  // invalid_argument for zero pages.
  Result<std::uint64_t> allocate(std::uint64_t pages, PageOwner owner, std::uint64_t limit = 0);

  // Errors: invalid_argument (not in the pool, not aligned, zero), out_of_memory (not all free).
  Result<void> allocate_at(std::uint64_t address, std::uint64_t pages, PageOwner owner);

  // Gives pages back; their records become those of a free page. The range must be in the pool.
  void release(std::uint64_t address, std::uint64_t pages);

  // The record of the page that holds `address`, or null outside the pool.
  PageRecord* find(std::uint64_t address) {
    const std::uint64_t index = (address - base_) / page_bytes;
    return address >= base_ && index < records_.size() ? &records_[index] : nullptr;
  }
  const PageRecord* find(std::uint64_t address) const { return const_cast<PagePool*>(this)->find(address); }

  // The records of whole pages, empty if any page lies outside the pool or the range wraps.
  std::span<PageRecord> range(std::uint64_t address, std::uint64_t pages);

  std::uint64_t base() const { return base_; }
  std::uint64_t page_count() const { return records_.size(); }
  std::uint64_t free_pages() const { return free_pages_; }

 private:
  std::uint64_t base_ = 0;
  std::span<PageRecord> records_;
  std::uint64_t free_pages_ = 0;
  std::uint64_t first_free_ = 0;  // no page below this index is free
};

}  // namespace redoubt::supervisor
