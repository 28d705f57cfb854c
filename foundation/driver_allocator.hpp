// SPDX-License-Identifier: BSD-2-Clause-Patent
// Memory for drivers: MmAllocatePages and MmAllocatePool (PI 1.9, volume 4, 3.2, which refers to UEFI 2.10, 7.2).
// All bookkeeping is in the foundation's memory: what a driver overruns is drivers' memory, never an allocator. Every
// buffer is zero when handed out: pages come zeroed, small buffers are zeroed when they are freed.
//
// Pool buffers up to 2048 bytes come from slabs, pages cut into equal parts of a power of two, so that each buffer is
// aligned to its size up to a cache line and beyond; larger ones are runs of whole pages. Each page is one driver's,
// on whose account it is and who alone can free it.
#pragma once

#include <cstdint>

#include "foundation/dispatcher.hpp"
#include "foundation/driver_ledger.hpp"
#include "foundation/page_map.hpp"
#include "foundation/pool_slab.hpp"
#include "foundation/slot_table.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

class DriverAllocator {
 public:
  constexpr DriverAllocator(Supervisor& supervisor, PageMap& map, Dispatcher& drivers, DriverLedger& ledger)
      : supervisor_(supervisor), map_(map), drivers_(drivers), ledger_(ledger), slabs_(supervisor) {}
  DriverAllocator(const DriverAllocator&) = delete;
  DriverAllocator& operator=(const DriverAllocator&) = delete;

  // Pages that the driver may read and write, below `limit` (0 = anywhere). Error::out_of_memory, also beyond the
  // driver's limit.
  Result<std::uint64_t> allocate_pages(DriverNumber driver, std::uint64_t pages, std::uint64_t limit);
  // At one address, a multiple of the page size. Error::not_found if the pages aren't all free, Error::out_of_memory
  // beyond the driver's limit.
  Result<void> allocate_pages_at(DriverNumber driver, std::uint64_t address, std::uint64_t pages);
  // Any whole pages of what allocate_pages returned, also of several allocations.
  // Error::not_found if one of them is something else, Error::access_denied, and noted, if one is another driver's.
  Result<void> free_pages(DriverNumber driver, std::uint64_t address, std::uint64_t pages);

  // At least one byte; 16-byte aligned, also for 0 bytes. Error::out_of_memory, also beyond the driver's limit.
  Result<std::uint64_t> allocate_pool(DriverNumber driver, std::uint64_t bytes);
  // Error::not_found unless `address` is what allocate_pool returned and was not freed since; Error::access_denied, and
  // noted, if it is another driver's.
  Result<void> free_pool(DriverNumber driver, std::uint64_t address);

  // Pages for the driver's image, of PageUse::image, that it has no access to yet. Error::out_of_memory.
  Result<std::uint64_t> allocate_image(DriverNumber driver, std::uint64_t pages);
  void free_image(DriverNumber driver, std::uint64_t address, std::uint64_t pages);

 private:
  using Slab = PoolSlab;
  using SlabList = DriverPool::SlabList;

  static std::uint32_t buffers(const Slab& slab) { return static_cast<std::uint32_t>(page_bytes >> slab.shift); }
  SlabList& available(DriverNumber driver, std::uint32_t shift) {
    return drivers_.find(driver)->pool.available[shift - DriverPool::smallest_shift];
  }

  // Pages on the driver's account, as the supervisor gives them.
  Result<std::uint64_t> take_pages(DriverNumber driver, std::uint64_t pages, std::uint64_t limit);
  void return_pages(DriverNumber driver, std::uint64_t address, std::uint64_t pages);
  // The same, open to drivers.
  Result<std::uint64_t> give_pages(DriverNumber driver, std::uint64_t pages, std::uint64_t limit);
  Slab* new_slab(DriverNumber driver, std::uint32_t shift);

  Supervisor& supervisor_;
  PageMap& map_;
  Dispatcher& drivers_;
  DriverLedger& ledger_;
  SlotTable<Slab> slabs_;
};

}  // namespace redoubt::foundation
