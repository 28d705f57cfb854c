// SPDX-License-Identifier: BSD-2-Clause-Patent
// MMRAM of host tests behind page tables. The host's own memory management stands in for the guest's: ring 0's two
// views of MMRAM (its identity mapping and the window) are host pages, and each has the protection that a walk of the
// tables gives ring 0 with CR0.WP and SMAP. A store of ring 0 to a page that it may not write is a SIGSEGV, and so is
// any access to a page that is ring 3's or no domain's.
//
// A protection changes when its translation does: at MOV to CR3 and at INVLPG. What the tables say meanwhile isn't
// seen, as with a TLB that holds everything. `agrees()` tells whether something was forgotten.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "arch/processor.hpp"
#include "supervisor/memory/memory_map.hpp"

namespace redoubt::supervisor::testing {

// What ring 0 may do with a page, and ring 3: as found in the tables, all four levels of them.
struct WalkedPage {
  PhysicalAddress physical;
  bool present = false;
  bool user = false;
  bool write = false;
  bool execute = false;
  friend bool operator==(const WalkedPage&, const WalkedPage&) = default;
};

// Intel SDM volume 3, 4.5 and 4.6. `memory` leads to the tables.
inline WalkedPage walk(DirectMap memory, PhysicalAddress root, LinearAddress address) {
  WalkedPage page{.physical = root, .present = true, .user = true, .write = true, .execute = true};
  for (unsigned shift = 39; shift >= 12; shift -= 9) {
    const std::uint64_t entry = memory.at<std::uint64_t>(page.physical)[(address.number >> shift) & 511];
    if ((entry & 1) == 0) return {};
    page.write = page.write && (entry & 2) != 0;
    page.user = page.user && (entry & 4) != 0;
    page.execute = page.execute && (entry >> 63) == 0;
    page.physical = PhysicalAddress(entry & 0x000F'FFFF'FFFF'F000);
  }
  return page;
}

class PagedMemory {
 public:
  PagedMemory(PhysicalAddress base, std::uint64_t pages) : base_(base), pages_(pages), file_(memfd_create("MMRAM", 0)) {
    if (file_ < 0 || ftruncate(file_, static_cast<off_t>(pages * page_bytes)) != 0) std::abort();
    for (std::byte** view : {&all_, &identity_, &window_}) {
      void* made = mmap(nullptr, pages * page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
      if (made == MAP_FAILED) std::abort();
      *view = static_cast<std::byte*>(made);
    }
  }
  ~PagedMemory() {
    for (std::byte* view : {all_, identity_, window_}) munmap(view, pages_ * page_bytes);
    close(file_);
    arch::fake::machine().on_root_load = {};
    arch::fake::machine().on_invalidation = {};
  }
  PagedMemory(const PagedMemory&) = delete;
  PagedMemory& operator=(const PagedMemory&) = delete;

  // The test's own view: everything, always.
  DirectMap everything() const { return {all_, base_}; }
  DirectMap identity() const { return {identity_, base_}; }
  DirectMap window() const { return {window_, base_}; }

  // From here on translations count, beginning with those of `root`.
  void turn_on(PhysicalAddress root) {
    cached_.assign(2 * pages_, {});
    arch::fake::machine().on_root_load = [this](std::uint64_t loaded) { load(PhysicalAddress(loaded)); };
    arch::fake::machine().on_invalidation = [this](std::uint64_t address) { invalidate(LinearAddress(address)); };
    for (std::uint64_t slot = 0; slot < 2 * pages_; ++slot) protect(slot, {});
    arch::write_cr3(root);
  }

  // Whether everything that a TLB may hold is what the tables say.
  bool agrees() const {
    for (std::uint64_t slot = 0; slot < 2 * pages_; ++slot) {
      if (cached_[slot] != walk(everything(), root_, address_of(slot))) return false;
    }
    return true;
  }

 private:
  LinearAddress address_of(std::uint64_t slot) const {
    const PhysicalAddress page = base_ + (slot % pages_) * page_bytes;
    return slot < pages_ ? LinearAddress(page.number) : physical_window + page.number;
  }
  void load(PhysicalAddress root) {
    root_ = root;
    for (std::uint64_t slot = 0; slot < 2 * pages_; ++slot) refresh(slot);
  }
  void invalidate(LinearAddress address) {
    const bool high = address >= physical_window;
    const PhysicalAddress physical(high ? address - physical_window : address.number);
    const std::uint64_t page = (physical - base_) / page_bytes;
    if (page < pages_) refresh(page + (high ? pages_ : 0));
  }
  void refresh(std::uint64_t slot) {
    const WalkedPage page = walk(everything(), root_, address_of(slot));
    if (page != cached_[slot]) protect(slot, page);
  }
  void protect(std::uint64_t slot, const WalkedPage& page) {
    cached_[slot] = page;
    const int rights = !page.present || page.user ? PROT_NONE : page.write ? PROT_READ | PROT_WRITE : PROT_READ;
    std::byte* view = slot < pages_ ? identity_ : window_;
    if (mprotect(view + (slot % pages_) * page_bytes, page_bytes, rights) != 0) std::abort();
  }

  PhysicalAddress base_;
  std::uint64_t pages_;
  int file_;
  std::byte* all_ = nullptr;
  std::byte* identity_ = nullptr;
  std::byte* window_ = nullptr;
  PhysicalAddress root_;
  std::vector<WalkedPage> cached_;
};

}  // namespace redoubt::supervisor::testing
