// SPDX-License-Identifier: BSD-2-Clause-Patent
// Addresses as numbers that say where they mean something. A number of one kind of address space is no number of
// another, and none of them is a pointer: the code that maps memory decides what may be read or written.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#include "base/result.hpp"

namespace redoubt {

// UEFI's pages, and the processor's smallest ones.
inline constexpr std::uint64_t page_bytes = 4096;

// What memory and devices are wired to. MM maps MMRAM at the same numbers.
struct PhysicalSpace;
// What a set of page tables translates, in whatever ring. Ring 0's own addresses are of this kind.
struct LinearSpace;
// As the foundation sees memory.
struct FoundationSpace;
// As a driver sees memory. Of which driver is a value, not a type: all share one space as yet.
struct DriverSpace;

template <class Space>
struct Address {
  std::uint64_t number = 0;  // the one way out: scripts/lint counts its uses by folder

  constexpr Address() = default;
  constexpr explicit Address(std::uint64_t value) : number(value) {}
  friend constexpr auto operator<=>(Address, Address) = default;

  // For steps within memory that is known to be there: these wrap.
  friend constexpr Address operator+(Address address, std::uint64_t bytes) { return Address(address.number + bytes); }
  friend constexpr Address operator-(Address address, std::uint64_t bytes) { return Address(address.number - bytes); }
  friend constexpr std::uint64_t operator-(Address to, Address from) { return to.number - from.number; }
};

using PhysicalAddress = Address<PhysicalSpace>;
using LinearAddress = Address<LinearSpace>;
using FoundationAddress = Address<FoundationSpace>;
using DriverAddress = Address<DriverSpace>;

// [base, base + bytes), where base + bytes <= 2^64 - 1. It proves that it doesn't wrap, so that comparisons need no
// further thought, and nothing else: not that anything is there, or may be used.
template <class Space>
class Range {
 public:
  constexpr Range() = default;

  // Error::overflow if the range would wrap.
  static constexpr Result<Range> create(Address<Space> base, std::uint64_t bytes) {
    if (bytes > std::numeric_limits<std::uint64_t>::max() - base.number) return std::unexpected(Error::overflow);
    return Range(base, bytes);
  }

  constexpr Address<Space> base() const { return base_; }
  constexpr std::uint64_t bytes() const { return bytes_; }
  constexpr Address<Space> end() const { return base_ + bytes_; }
  constexpr bool empty() const { return bytes_ == 0; }

  // Below the base the difference wraps to more than any range has.
  constexpr bool contains(Address<Space> address) const { return address - base_ < bytes_; }
  // An empty range lies in every range that it touches.
  constexpr bool contains(const Range& other) const { return other.base_ >= base_ && other.end() <= end(); }
  // Whether any byte lies in both; an empty range overlaps nothing.
  constexpr bool overlaps(const Range& other) const {
    return !empty() && !other.empty() && other.base_ < end() && base_ < other.end();
  }
  friend constexpr bool operator==(const Range&, const Range&) = default;

 private:
  constexpr Range(Address<Space> base, std::uint64_t bytes) : base_(base), bytes_(bytes) {}

  Address<Space> base_;
  std::uint64_t bytes_ = 0;
};

}  // namespace redoubt
