// SPDX-License-Identifier: BSD-2-Clause-Patent
// One set of x86-64 page tables with 4 KiB pages.
//
//    63      48 47    39 38    30 29    21 20    12 11        0
//   | sign     | PML4   | PDPT   | PD     | PT     | in page   |     9 bits index a table of 512 entries each
//
// Intermediate entries allow everything; rights stand in the last level alone. Nothing here flushes a TLB: who
// changes a mapping that a CPU may hold does that (MemoryMap).
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "supervisor/memory/direct_map.hpp"
#include "supervisor/memory/page_pool.hpp"

namespace redoubt::supervisor {

struct PageRights {
  bool user = false;
  bool write = false;
  bool execute = false;
  bool uncached = false;
  bool exception = false;  // write and execute at once is meant; find() doesn't tell
  friend constexpr bool operator==(const PageRights&, const PageRights&) = default;
};

struct PageMapping {
  PhysicalAddress physical;
  PageRights rights;
};

class AddressSpace {
 public:
  // Takes its tables from `pool`, which must outlive it. Errors: out_of_memory. `execute_disable`: the CPUs have NX;
  // without it bit 63 is reserved and nothing can be protected from execution.
  Result<void> create(PagePool& pool, DirectMap memory, bool execute_disable);

  // Uses the tables of `other` for everything that its top level's entry for `linear` leads to, from now on
  // and in both directions. There must be that entry.
  void share(const AddressSpace& other, LinearAddress linear);

  // Maps or remaps whole pages; both addresses page-aligned, `linear` canonical. Errors: invalid_argument,
  // out_of_memory (a part may be mapped then; the caller gives up the launch).
  Result<void> map(LinearAddress linear, PhysicalAddress physical, std::uint64_t pages, PageRights rights);

  // Removes mappings; pages without one stay so.
  void unmap(LinearAddress linear, std::uint64_t pages);

  // What `linear` leads to.
  std::optional<PageMapping> find(LinearAddress linear) const;

  // The PML4: the value for CR3.
  PhysicalAddress root() const { return root_; }

 private:
  std::uint64_t* entry(LinearAddress linear) const;
  Result<std::uint64_t*> make_entry(LinearAddress linear);
  Result<PhysicalAddress> make_table();

  PagePool* pool_ = nullptr;
  DirectMap memory_;
  PhysicalAddress root_;
  bool execute_disable_ = false;
};

}  // namespace redoubt::supervisor
