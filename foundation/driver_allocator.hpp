// SPDX-License-Identifier: BSD-2-Clause-Patent
// Memory for drivers: MmAllocatePages and MmAllocatePool (PI 1.9, volume 4, 3.2, which refers to UEFI 2.10, 7.2).
// All bookkeeping is in the foundation's memory: what a driver overruns is drivers' memory, never an allocator. Every
// buffer is zero when handed out: pages come zeroed, small buffers are zeroed when they are freed.
//
// Pool buffers up to 2048 bytes come from slabs, pages cut into equal parts of a power of two, so that each buffer is
// aligned to its size up to a cache line and beyond; larger ones are runs of whole pages.
#pragma once

#include <array>
#include <cstdint>

#include "foundation/page_map.hpp"
#include "foundation/record_list.hpp"
#include "foundation/slot_table.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

// A page cut into pool buffers.
struct PoolSlab {
  std::uint64_t address = 0;
  std::uint64_t used[2] = {};  // one bit for each buffer
  std::uint32_t used_count = 0;
  std::uint32_t shift = 0;         // a buffer has 2^shift bytes
  RecordLink<PoolSlab> available;  // among slabs of its class with room
};

class DriverAllocator {
 public:
  constexpr DriverAllocator(Supervisor& supervisor, PageMap& map)
      : supervisor_(supervisor), map_(map), slabs_(supervisor) {}
  DriverAllocator(const DriverAllocator&) = delete;
  DriverAllocator& operator=(const DriverAllocator&) = delete;

  // Pages that drivers may read and write, below `limit` (0 = anywhere). Error::out_of_memory.
  Result<std::uint64_t> allocate_pages(std::uint64_t pages, std::uint64_t limit);
  // At one address, a multiple of the page size. Error::not_found if the pages aren't all free.
  Result<void> allocate_pages_at(std::uint64_t address, std::uint64_t pages);
  // Any whole pages of what allocate_pages returned, also of several allocations.
  // Error::not_found if one of them is something else.
  Result<void> free_pages(std::uint64_t address, std::uint64_t pages);

  // At least one byte; 16-byte aligned, also for 0 bytes. Error::out_of_memory.
  Result<std::uint64_t> allocate_pool(std::uint64_t bytes);
  // Error::not_found unless `address` is what allocate_pool returned and was not freed since.
  Result<void> free_pool(std::uint64_t address);

 private:
  static constexpr std::uint32_t smallest_shift = 5;  // 32 bytes: 128 to a page
  static constexpr std::uint32_t largest_shift = 11;  // 2048 bytes
  static constexpr std::size_t class_count = largest_shift - smallest_shift + 1;

  using Slab = PoolSlab;
  using SlabList = RecordList<Slab, &Slab::available>;

  static std::uint32_t buffers(const Slab& slab) { return static_cast<std::uint32_t>(page_bytes >> slab.shift); }
  static std::size_t class_of(std::uint32_t shift) { return shift - smallest_shift; }

  Result<std::uint64_t> give_pages(std::uint64_t pages, std::uint64_t limit);
  Slab* new_slab(std::uint32_t shift);

  Supervisor& supervisor_;
  PageMap& map_;
  SlotTable<Slab> slabs_;
  std::array<SlabList, class_count> available_{};
};

}  // namespace redoubt::foundation
