// SPDX-License-Identifier: BSD-2-Clause-Patent
// A vector with a fixed capacity, for code that must not allocate. An index out of range stops the machine's current
// domain (a trap): it can only be our own mistake.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/result.hpp"

namespace redoubt {

template <typename T, std::size_t Capacity>
class FixedVector {
 public:
  static constexpr std::size_t capacity() { return Capacity; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr bool full() const { return size_ == Capacity; }

  // Error::out_of_memory when full.
  constexpr Result<void> push_back(T item) {
    if (full()) {
      return std::unexpected(Error::out_of_memory);
    }
    items_[size_++] = std::move(item);
    return {};
  }

  constexpr void pop_back() {
    check(0);
    items_[--size_] = T{};
  }

  // Keeps the order of the rest.
  constexpr void erase(std::size_t index) {
    check(index);
    for (std::size_t i = index + 1; i < size_; ++i) {
      items_[i - 1] = std::move(items_[i]);
    }
    items_[--size_] = T{};
  }

  constexpr void clear() {
    while (!empty()) {
      pop_back();
    }
  }

  constexpr T& operator[](std::size_t index) {
    check(index);
    return items_[index];
  }
  constexpr const T& operator[](std::size_t index) const {
    check(index);
    return items_[index];
  }
  constexpr T& back() { return (*this)[size_ - 1]; }
  constexpr const T& back() const { return (*this)[size_ - 1]; }

  constexpr T* begin() { return items_; }
  constexpr T* end() { return items_ + size_; }
  constexpr const T* begin() const { return items_; }
  constexpr const T* end() const { return items_ + size_; }
  constexpr std::span<T> span() { return {items_, size_}; }
  constexpr std::span<const T> span() const { return {items_, size_}; }

 private:
  constexpr void check(std::size_t index) const {
    if (index >= size_) {
      __builtin_trap();
    }
  }

  T items_[Capacity]{};
  std::size_t size_ = 0;
};

}  // namespace redoubt
