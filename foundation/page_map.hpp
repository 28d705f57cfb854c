// SPDX-License-Identifier: BSD-2-Clause-Patent
// What each page of MMRAM is to drivers, as far as the foundation gave it to them: one word a page, looked up by
// address in constant time. It decides which frees are legal and whose image an address lies in; drivers can't see it.
#pragma once

#include <cstdint>

#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

enum class PageUse : std::uint8_t {
  none = 0,       // not the drivers', or not theirs any more
  pages = 1,      // MmAllocatePages
  pool_slab = 2,  // small pool buffers; value = index of the slab's record
  pool_run = 3,   // first page of a large pool buffer; value = pages
  pool_rest = 4,  // its other pages
  image = 5,      // value = number of the driver
};

class PageMap {
 public:
  struct Entry {
    PageUse use;
    std::uint32_t value;  // at most 2^28 - 1
  };

  constexpr explicit PageMap(Supervisor& supervisor) : supervisor_(supervisor) {}
  PageMap(const PageMap&) = delete;
  PageMap& operator=(const PageMap&) = delete;

  // Error::invalid_argument for a range that is no MMRAM, Error::out_of_memory.
  Result<void> create(std::uint64_t mmram_base, std::uint64_t mmram_size);

  // Of the page that holds `address`; PageUse::none outside MMRAM.
  Entry at(std::uint64_t address) const {
    const std::uint64_t page = (address - base_) / page_bytes;
    if (address < base_ || page >= pages_) return {PageUse::none, 0};
    return {static_cast<PageUse>(words_[page] & 0xF), words_[page] >> 4};
  }

  // For pages the supervisor returned, which lie in MMRAM.
  void set(std::uint64_t address, std::uint64_t pages, Entry entry);

  // Whether all pages of [address, address + pages) have this use; `pages` may be any number.
  bool all(std::uint64_t address, std::uint64_t pages, PageUse use) const;

 private:
  Supervisor& supervisor_;
  std::uint64_t base_ = 0;
  std::uint64_t pages_ = 0;
  std::uint32_t* words_ = nullptr;
};

}  // namespace redoubt::foundation
