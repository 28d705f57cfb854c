// SPDX-License-Identifier: BSD-2-Clause-Patent
// What each page of MMRAM is to drivers, as far as the foundation gave it to them: one word a page, looked up by
// address in constant time. It decides which frees and changes of rights are legal and whose each page is; drivers
// can't see it.
#pragma once

#include <cstdint>

#include "foundation/driver_ledger.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

enum class PageUse : std::uint8_t {
  none = 0,       // not the drivers', or not theirs any more
  pages = 1,      // MmAllocatePages
  pool_slab = 2,  // small pool buffers; value = index of the slab's record
  pool_run = 3,   // first page of a large pool buffer; value = pages
  pool_rest = 4,  // its other pages
  image = 5,
};

// What a page was given to drivers as. Writable and executable exclude each other for its whole life, unless an
// exception says otherwise.
enum class PageOrigin : std::uint8_t {
  data = 0,      // read and write
  constant = 1,  // read
  code = 2,      // read and execute
  mixed = 3,     // all three: sections of an unaligned image that is admitted share it (alignment_exceptions.hpp)
};

// Rights of its origin that drivers gave up for a page, for the time being.
struct PageLimits {
  bool no_read = false;  // nor anything else
  bool no_write = false;
  bool no_execute = false;
};

// What drivers may do with it.
constexpr abi::Rights rights_of(PageOrigin origin, PageLimits limits) {
  if (limits.no_read) return abi::no_rights;
  const bool write = !limits.no_write && (origin == PageOrigin::data || origin == PageOrigin::mixed);
  const bool execute = !limits.no_execute && (origin == PageOrigin::code || origin == PageOrigin::mixed);
  if (write && execute) return abi::unprotected;
  if (execute) return abi::read_execute;
  return write ? abi::read_write : abi::read_only;
}

class PageMap {
 public:
  struct Entry {
    PageUse use;
    DriverNumber owner;       // at most 2^23 - 1
    std::uint32_t value = 0;  // see PageUse
  };

  constexpr explicit PageMap(Supervisor& supervisor) : supervisor_(supervisor) {}
  PageMap(const PageMap&) = delete;
  PageMap& operator=(const PageMap&) = delete;

  // Error::invalid_argument for a range that is no MMRAM, Error::out_of_memory.
  Result<void> create(std::uint64_t mmram_base, std::uint64_t mmram_size);

  // Of the page that holds `address`; PageUse::none outside MMRAM.
  Entry at(std::uint64_t address) const {
    const std::uint64_t page = (address - base_) / page_bytes;
    if (address < base_ || page >= pages_) return {PageUse::none, foundation_itself, 0};
    const std::uint64_t word = words_[page];
    return {static_cast<PageUse>(word & 0xF), static_cast<DriverNumber>(word >> owner_shift & owner_mask),
            static_cast<std::uint32_t>(word >> value_shift)};
  }

  // Whose code can run at the address; foundation_itself where no driver's can.
  DriverNumber code_owner(std::uint64_t address) const {
    const Entry entry = at(address);
    if (entry.use != PageUse::image) return foundation_itself;
    const PageOrigin given = origin(address);
    return given == PageOrigin::code || given == PageOrigin::mixed ? entry.owner : foundation_itself;
  }

  // For pages the supervisor returned, which lie in MMRAM. Origin data, no limits.
  void set(std::uint64_t address, std::uint64_t pages, Entry entry);

  // The two below and their setters: only for pages that set() has given a use.
  PageOrigin origin(std::uint64_t address) const { return static_cast<PageOrigin>(word(address) >> 4 & 3); }
  PageLimits limits(std::uint64_t address) const;
  void set_origin(std::uint64_t address, std::uint64_t pages, PageOrigin origin);
  void set_limits(std::uint64_t address, PageLimits limits);

  // Whether all pages of [address, address + pages) have this use; `pages` may be any number.
  bool all(std::uint64_t address, std::uint64_t pages, PageUse use) const;
  // The owner of the first of these pages that isn't `driver`'s, or `driver`. For pages in MMRAM.
  DriverNumber other_owner(std::uint64_t address, std::uint64_t pages, DriverNumber driver) const;

 private:
  // A word: use (4 bits), origin (2), limits (3), owner (23), value (32).
  static constexpr std::uint32_t owner_shift = 9;
  static constexpr std::uint32_t owner_mask = (1U << 23) - 1;
  static constexpr std::uint32_t value_shift = 32;

  std::uint64_t& word(std::uint64_t address) { return words_[(address - base_) / page_bytes]; }
  const std::uint64_t& word(std::uint64_t address) const { return words_[(address - base_) / page_bytes]; }

  Supervisor& supervisor_;
  std::uint64_t base_ = 0;
  std::uint64_t pages_ = 0;
  std::uint64_t* words_ = nullptr;
};

}  // namespace redoubt::foundation
