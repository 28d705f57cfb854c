// SPDX-License-Identifier: BSD-2-Clause-Patent
// A sequence of writes of which any number can be told from what it leaves, if nothing is lost: write after write, one
// variable after the other gets its next value. Whoever reads the variables, in the guest or on the host, then knows
// how many writes there were, and whether the variables are those of exactly so many.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/uefi/types.hpp"

namespace redoubt::guest::sequence {

inline constexpr abi::Guid vendor = {0x1c0a7e54, 0x93d2, 0x4b6f, {0xa1, 0x3e, 0x72, 0x64, 0x6f, 0x75, 0x62, 0x74}};
inline constexpr std::uint32_t variables = 16;
inline constexpr std::uint32_t most_bytes = 1100;
inline constexpr std::size_t name_length = 10;

// The variable that write number `write` (from 0 on) goes to, and the round that its value is of (from 1 on).
constexpr std::uint32_t variable_of(std::uint64_t write) { return static_cast<std::uint32_t>(write % variables); }
constexpr std::uint64_t round_of(std::uint64_t write) { return write / variables + 1; }

// The round whose value `variable` has after `writes` writes; 0: there is no such variable yet.
constexpr std::uint64_t round_after(std::uint64_t writes, std::uint32_t variable) {
  return writes / variables + (variable < writes % variables ? 1 : 0);
}

// Fills in "Sequence00" to "Sequence15", terminated.
constexpr void make_name(std::uint32_t variable, char16_t (&name)[name_length + 1]) {
  constexpr char16_t text[] = u"Sequence00";
  for (std::size_t index = 0; index <= name_length; ++index) {
    name[index] = text[index];
  }
  name[8] = static_cast<char16_t>(u'0' + variable / 10);
  name[9] = static_cast<char16_t>(u'0' + variable % 10);
}

constexpr std::uint32_t size_of(std::uint64_t round, std::uint32_t variable) {
  return 16 + static_cast<std::uint32_t>((round * 137 + variable * 211) % (most_bytes - 16));
}

// A value starts with its round, in eight bytes.
constexpr std::byte byte_of(std::uint64_t round, std::uint32_t variable, std::uint32_t position) {
  return position < 8 ? static_cast<std::byte>(round >> (position * 8))
                      : static_cast<std::byte>(round * 31 + variable * 7 + position * 13);
}

// The round that `size` bytes at `value` are of; 0 when they aren't a value of `variable`.
constexpr std::uint64_t round_in(std::uint32_t variable, const std::byte* value, std::size_t size) {
  std::uint64_t round = 0;
  if (size < 16) {
    return 0;
  }
  for (unsigned index = 8; index-- > 0;) {
    round = round << 8 | static_cast<std::uint8_t>(value[index]);
  }
  if (size != size_of(round, variable)) {
    return 0;
  }
  for (std::uint32_t position = 0; position < size; ++position) {
    if (value[position] != byte_of(round, variable, position)) {
      return 0;
    }
  }
  return round;
}

}  // namespace redoubt::guest::sequence
