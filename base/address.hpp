// SPDX-License-Identifier: BSD-2-Clause-Patent
// Physical addresses as a type of their own: they are never pointers until somebody who may map memory says so.
// A range cannot wrap, so comparisons on it need no further thought.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#include "base/result.hpp"

namespace redoubt {

class PhysicalAddress {
 public:
  constexpr PhysicalAddress() = default;
  constexpr explicit PhysicalAddress(std::uint64_t value) : value_(value) {}

  constexpr std::uint64_t value() const { return value_; }
  friend constexpr auto operator<=>(PhysicalAddress, PhysicalAddress) = default;

  // Error::overflow beyond 2^64 - 1.
  constexpr Result<PhysicalAddress> plus(std::uint64_t offset) const {
    if (offset > std::numeric_limits<std::uint64_t>::max() - value_) {
      return std::unexpected(Error::overflow);
    }
    return PhysicalAddress(value_ + offset);
  }

 private:
  std::uint64_t value_ = 0;
};

// [base, base + size), where base + size <= 2^64 - 1.
class AddressRange {
 public:
  constexpr AddressRange() = default;

  // Error::overflow if the range would wrap.
  static constexpr Result<AddressRange> create(PhysicalAddress base, std::uint64_t size) {
    TRY(base.plus(size));
    return AddressRange(base, size);
  }
  static constexpr Result<AddressRange> create(std::uint64_t base, std::uint64_t size) {
    return create(PhysicalAddress(base), size);
  }

  constexpr PhysicalAddress base() const { return base_; }
  constexpr std::uint64_t size() const { return size_; }
  constexpr PhysicalAddress end() const { return PhysicalAddress(base_.value() + size_); }
  constexpr bool empty() const { return size_ == 0; }

  constexpr bool contains(PhysicalAddress address) const { return address >= base_ && address < end(); }
  // An empty range lies in every range that it touches.
  constexpr bool contains(const AddressRange& other) const { return other.base_ >= base_ && other.end() <= end(); }
  // Whether any byte lies in both; an empty range overlaps nothing.
  constexpr bool overlaps(const AddressRange& other) const {
    return !empty() && !other.empty() && other.base_ < end() && base_ < other.end();
  }
  friend constexpr bool operator==(const AddressRange&, const AddressRange&) = default;

 private:
  constexpr AddressRange(PhysicalAddress base, std::uint64_t size) : base_(base), size_(size) {}

  PhysicalAddress base_;
  std::uint64_t size_ = 0;
};

}  // namespace redoubt
