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
  std::uint64_t physical;
  PageRights rights;
};

class AddressSpace {
 public:
  // Takes its tables from `pool`, which must outlive it. Errors: out_of_memory. `execute_disable`: the CPUs have NX;
  // without it bit 63 is reserved and nothing can be protected from execution.
  Result<void> create(PagePool& pool, DirectMap memory, bool execute_disable);

  // Uses the tables of `other` for everything that its top level's entry for `virtual_address` leads to, from now on
  // and in both directions. There must be that entry.
  void share(const AddressSpace& other, std::uint64_t virtual_address);

  // Maps or remaps whole pages; both addresses page-aligned, `virtual_address` canonical. Errors: invalid_argument,
  // out_of_memory (a part may be mapped then; the caller gives up the launch).
  Result<void> map(std::uint64_t virtual_address, std::uint64_t physical, std::uint64_t pages, PageRights rights);

  // Removes mappings; pages without one stay so.
  void unmap(std::uint64_t virtual_address, std::uint64_t pages);

  // What `virtual_address` leads to.
  std::optional<PageMapping> find(std::uint64_t virtual_address) const;

  // Physical address of the PML4: the value for CR3.
  std::uint64_t root() const { return root_; }

 private:
  std::uint64_t* entry(std::uint64_t virtual_address) const;
  Result<std::uint64_t*> make_entry(std::uint64_t virtual_address);
  Result<std::uint64_t> make_table();

  PagePool* pool_ = nullptr;
  DirectMap memory_;
  std::uint64_t root_ = 0;
  bool execute_disable_ = false;
};

}  // namespace redoubt::supervisor
