// SPDX-License-Identifier: BSD-2-Clause-Patent
// How parameters and values of system calls travel in registers, for both sides: parameters in the order of
// abi/redoubt/syscall.hpp's list, one register each, a range two (base, then bytes); a value in one. What a foundation
// put there may be anything: decoding says whether it is such a parameter at all, and nothing more.
#pragma once

#include <concepts>
#include <expected>
#include <limits>
#include <optional>
#include <type_traits>

#include "abi/redoubt/syscall.hpp"
#include "base/result.hpp"

namespace redoubt::abi {

// Registers rdi, rsi, rdx, rcx, r8, r9.
inline constexpr std::size_t argument_registers = 6;

template <typename T>
using SystemResult = Result<T, SystemStatus>;

// What the foundation gets of a call: one that switches comes back, if it does, without a value.
template <typename Value>
using AnswerOf = std::conditional_t<std::is_same_v<Value, Switched>, void, Value>;

// One type of parameter or value: `registers` it takes, encode() into them, and decode() from them. Numbers that an
// enumeration is too narrow for name nothing.
template <typename T>
struct Encoding;

template <typename T>
  requires std::same_as<T, std::uint64_t> || std::is_enum_v<T>
struct Encoding<T> {
  static constexpr std::size_t registers = 1;
  static constexpr void encode(T value, std::uint64_t* words) { words[0] = static_cast<std::uint64_t>(value); }
  static constexpr SystemResult<T> decode(const std::uint64_t* words) {
    if constexpr (std::is_enum_v<T>) {
      if (words[0] > std::numeric_limits<std::underlying_type_t<T>>::max())
        return std::unexpected(SystemStatus::not_found);
    }
    return static_cast<T>(words[0]);
  }
};

template <>
struct Encoding<bool> {
  static constexpr std::size_t registers = 1;
  static constexpr void encode(bool value, std::uint64_t* words) { words[0] = value ? 1 : 0; }
  static constexpr SystemResult<bool> decode(const std::uint64_t* words) { return words[0] != 0; }
};

template <class Space>
struct Encoding<Address<Space>> {
  static constexpr std::size_t registers = 1;
  static constexpr void encode(Address<Space> address, std::uint64_t* words) { words[0] = address.number; }
  static constexpr SystemResult<Address<Space>> decode(const std::uint64_t* words) { return Address<Space>(words[0]); }
};

// One that wraps leads nowhere.
template <class Space>
struct Encoding<Range<Space>> {
  static constexpr std::size_t registers = 2;
  static constexpr void encode(Range<Space> range, std::uint64_t* words) {
    words[0] = range.base().number;
    words[1] = range.bytes();
  }
  static constexpr SystemResult<Range<Space>> decode(const std::uint64_t* words) {
    const auto range = Range<Space>::create(Address<Space>(words[0]), words[1]);
    if (!range) {
      return std::unexpected(std::is_same_v<Space, PhysicalSpace> ? SystemStatus::not_permitted
                                                                  : SystemStatus::bad_address);
    }
    return *range;
  }
};

template <>
struct Encoding<PageAccess> {
  static constexpr std::size_t registers = 1;
  static constexpr void encode(const PageAccess& access, std::uint64_t* words) { words[0] = abi::encode(access); }
  static constexpr SystemResult<PageAccess> decode(const std::uint64_t* words) {
    const std::optional<PageAccess> access = decode_access(words[0]);
    if (!access) return std::unexpected(SystemStatus::invalid_argument);
    return *access;
  }
};

}  // namespace redoubt::abi
