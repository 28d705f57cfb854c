// SPDX-License-Identifier: BSD-2-Clause-Patent
// Variables in words: names, attributes, data and time stamps as people type and read them. What is printed is plain
// UTF-8 without control characters, whatever a variable holds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abi/uefi/time.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::tool::variables {

// UCS-2 as UEFI has it, to UTF-8. Surrogates that aren't pairs and control characters become U+FFFD.
std::string to_utf8(std::u16string_view text);
// The other way; nothing if `text` isn't UTF-8.
std::optional<std::u16string> from_utf8(std::string_view text);
// A string of UCS-2 in memory, of any alignment, up to its terminator or its end.
std::u16string units_of(Bytes bytes);
// Bytes that should be ASCII, up to a zero; what isn't printable becomes '?'.
std::string ascii_of(Bytes bytes);

// "NV+BS+RT", in the order of the bits; bits without a name (UEFI 2.10, 8.2.1) as a number at the end; "-" for none.
std::string attributes_text(std::uint32_t attributes);
std::vector<std::string> attribute_words(std::uint32_t attributes);
// Words between commas or plus signs, in either case; nothing if one is unknown.
std::optional<std::uint32_t> parse_attributes(std::string_view text);

// Lower-case digits without anything between.
std::string to_hex(Bytes bytes);
// Pairs of digits; spaces, line feeds, colons and commas may stand between pairs. Nothing for anything else.
std::optional<std::vector<std::byte>> parse_hex(std::string_view text);

// Rows of sixteen bytes: offset, hexadecimal, ASCII. Every row starts with `indent`.
std::string hex_dump(Bytes bytes, std::string_view indent);

// EFI_TIME as "2017-03-21 09:50:43"; empty if all is zero, hexadecimal if it isn't a time.
std::string time_text(const abi::Time& time);

}  // namespace redoubt::tool::variables
