// SPDX-License-Identifier: BSD-2-Clause-Patent
// Arithmetic on numbers from outside: the result, or Error::overflow when it doesn't fit.
#pragma once

#include <concepts>
#include <limits>

#include "base/result.hpp"

namespace redoubt {

template <std::unsigned_integral T>
constexpr Result<T> checked_add(T left, T right) {
  T sum{};
  if (__builtin_add_overflow(left, right, &sum)) {
    return std::unexpected(Error::overflow);
  }
  return sum;
}

template <std::unsigned_integral T>
constexpr Result<T> checked_subtract(T left, T right) {
  if (right > left) {
    return std::unexpected(Error::overflow);
  }
  return static_cast<T>(left - right);
}

template <std::unsigned_integral T>
constexpr Result<T> checked_multiply(T left, T right) {
  T product{};
  if (__builtin_mul_overflow(left, right, &product)) {
    return std::unexpected(Error::overflow);
  }
  return product;
}

// The same number in a type that may be too small for it.
template <std::unsigned_integral To, std::unsigned_integral From>
constexpr Result<To> checked_cast(From value) {
  if (value > std::numeric_limits<To>::max()) {
    return std::unexpected(Error::overflow);
  }
  return static_cast<To>(value);
}

template <std::unsigned_integral T>
constexpr bool is_power_of_two(T value) {
  return value != 0 && (value & (value - 1)) == 0;
}

// `alignment` is a power of two.
template <std::unsigned_integral T>
constexpr T align_down(T value, T alignment) {
  return static_cast<T>(value & ~(alignment - 1));
}

template <std::unsigned_integral T>
constexpr bool is_aligned(T value, T alignment) {
  return (value & (alignment - 1)) == 0;
}

// The next multiple of `alignment`, a power of two. For numbers of our own, where wrapping is impossible.
template <std::unsigned_integral T>
constexpr T align_up(T value, T alignment) {
  return align_down(static_cast<T>(value + (alignment - 1)), alignment);
}

template <std::unsigned_integral T>
constexpr Result<T> checked_align_up(T value, T alignment) {
  return align_down(TRY(checked_add<T>(value, static_cast<T>(alignment - 1))), alignment);
}

}  // namespace redoubt
