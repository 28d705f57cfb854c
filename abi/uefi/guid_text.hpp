// SPDX-License-Identifier: BSD-2-Clause-Patent
// GUIDs in registry format, 8c8ce578-8a3d-4f1c-9935-896185c32dd3 (UEFI 2.10, appendix A), without allocation. The
// first three fields are numbers, so their bytes appear in the reverse of their order in memory.
#pragma once

#include <optional>
#include <string_view>

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

inline constexpr std::size_t guid_text_length = 36;

struct GuidText {
  char characters[guid_text_length + 1];  // ends with a zero
  constexpr std::string_view view() const { return {characters, guid_text_length}; }
};

namespace detail {

// The sixteen bytes of a GUID in the order in which registry format prints them.
constexpr void to_print_order(const Guid& guid, std::uint8_t (&bytes)[16]) {
  for (unsigned i = 0; i < 4; ++i) {
    bytes[i] = static_cast<std::uint8_t>(guid.data1 >> (24 - 8 * i));
  }
  bytes[4] = static_cast<std::uint8_t>(guid.data2 >> 8);
  bytes[5] = static_cast<std::uint8_t>(guid.data2);
  bytes[6] = static_cast<std::uint8_t>(guid.data3 >> 8);
  bytes[7] = static_cast<std::uint8_t>(guid.data3);
  for (unsigned i = 0; i < 8; ++i) {
    bytes[8 + i] = guid.data4[i];
  }
}

constexpr int hexadecimal_digit(char character) {
  if (character >= '0' && character <= '9') {
    return character - '0';
  }
  if (character >= 'a' && character <= 'f') {
    return character - 'a' + 10;
  }
  if (character >= 'A' && character <= 'F') {
    return character - 'A' + 10;
  }
  return -1;
}

constexpr bool dash_precedes_byte(unsigned byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

}  // namespace detail

// Lower case.
constexpr GuidText to_text(const Guid& guid) {
  constexpr char digits[] = "0123456789abcdef";
  std::uint8_t bytes[16]{};
  detail::to_print_order(guid, bytes);
  GuidText text{};
  std::size_t position = 0;
  for (unsigned i = 0; i < 16; ++i) {
    if (detail::dash_precedes_byte(i)) {
      text.characters[position++] = '-';
    }
    text.characters[position++] = digits[bytes[i] >> 4];
    text.characters[position++] = digits[bytes[i] & 15];
  }
  return text;
}

// Exactly the 36 characters, in either case.
constexpr std::optional<Guid> parse_guid(std::string_view text) {
  if (text.size() != guid_text_length) {
    return std::nullopt;
  }
  std::uint8_t bytes[16]{};
  std::size_t position = 0;
  for (unsigned i = 0; i < 16; ++i) {
    if (detail::dash_precedes_byte(i) && text[position++] != '-') {
      return std::nullopt;
    }
    const int high = detail::hexadecimal_digit(text[position]);
    const int low = detail::hexadecimal_digit(text[position + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
    position += 2;
  }
  Guid guid{};
  for (unsigned i = 0; i < 4; ++i) {
    guid.data1 = guid.data1 << 8 | bytes[i];
  }
  guid.data2 = static_cast<std::uint16_t>(bytes[4] << 8 | bytes[5]);
  guid.data3 = static_cast<std::uint16_t>(bytes[6] << 8 | bytes[7]);
  for (unsigned i = 0; i < 8; ++i) {
    guid.data4[i] = bytes[8 + i];
  }
  return guid;
}

}  // namespace redoubt::abi
