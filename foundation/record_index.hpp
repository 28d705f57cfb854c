// SPDX-License-Identifier: BSD-2-Clause-Patent
// A chained hash index over records that live elsewhere. It starts with buckets of its own and doubles them in pages
// from the supervisor; when there is none, chains grow instead and nothing fails.
#pragma once

#include <array>
#include <bit>
#include <cstring>

#include "abi/uefi/types.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

// A GUID as two words, fit for hashing and quick comparison.
struct GuidWords {
  std::uint64_t low;
  std::uint64_t high;
};
static_assert(sizeof(GuidWords) == sizeof(abi::Guid));

constexpr std::uint64_t mix(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio: spreads to the upper bits
  return value ^ (value >> 32);
}

constexpr std::uint64_t hash_of(const abi::Guid& guid) {
  const auto words = std::bit_cast<GuidWords>(guid);
  return mix(words.low ^ std::rotl(words.high, 29));
}

constexpr bool same(const abi::Guid& left, const abi::Guid& right) { return left == right; }

// `chain` is the record's link to the next of its bucket; `record_hash(const T&)` is constant while it is in the index.
template <typename T, T* T::* chain, auto record_hash>
class RecordIndex {
 public:
  constexpr explicit RecordIndex(Supervisor& supervisor) : supervisor_(supervisor) {}
  RecordIndex(const RecordIndex&) = delete;
  RecordIndex& operator=(const RecordIndex&) = delete;

  // The record with this hash for which matches(const T&) holds, or null.
  template <typename Matches>
  T* find(std::uint64_t hash, Matches matches) const {
    for (T* record = bucket(hash); record != nullptr; record = record->*chain) {
      if (matches(*record)) return record;
    }
    return nullptr;
  }

  void insert(T& record) {
    if (count_ > mask_) grow();
    T*& head = bucket(record_hash(record));
    record.*chain = head;
    head = &record;
    ++count_;
  }

  void remove(T& record) {
    for (T** place = &bucket(record_hash(record)); *place != nullptr; place = &((*place)->*chain)) {
      if (*place == &record) {
        *place = record.*chain;
        record.*chain = nullptr;
        --count_;
        return;
      }
    }
  }

  std::size_t size() const { return count_; }

 private:
  static constexpr std::size_t own_buckets = 64;

  T* bucket(std::uint64_t hash) const { return (pages_ != nullptr ? pages_ : own_.data())[hash & mask_]; }
  T*& bucket(std::uint64_t hash) { return (pages_ != nullptr ? pages_ : own_.data())[hash & mask_]; }

  void grow() {
    const std::size_t old_size = mask_ + 1;
    constexpr std::size_t in_a_page = page_bytes / sizeof(T*);
    const std::size_t new_size = old_size < in_a_page ? in_a_page : old_size * 2;
    const SystemResult<PhysicalAddress> memory =
        supervisor_.allocate_pages(pages_for(std::uint64_t{new_size} * sizeof(T*)), {});
    if (!memory.has_value()) return;
    T** old_buckets = pages_ != nullptr ? pages_ : own_.data();
    T** new_buckets = at_address<T*>(*memory);
    for (std::size_t i = 0; i < old_size; ++i) {
      for (T* record = old_buckets[i]; record != nullptr;) {
        T* next = record->*chain;
        T*& head = new_buckets[record_hash(*record) & (new_size - 1)];
        record->*chain = head;
        head = record;
        record = next;
      }
    }
    if (pages_ != nullptr) {
      static_cast<void>(supervisor_.free_pages(PhysicalAddress(address_of(static_cast<const void*>(pages_))),
                                               pages_for(std::uint64_t{old_size} * sizeof(T*))));
    }
    pages_ = new_buckets;
    mask_ = new_size - 1;
  }

  Supervisor& supervisor_;
  std::array<T*, own_buckets> own_{};
  T** pages_ = nullptr;
  std::size_t mask_ = own_buckets - 1;
  std::size_t count_ = 0;
};

}  // namespace redoubt::foundation
