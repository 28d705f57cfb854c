// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/text.hpp"

#include <algorithm>
#include <cctype>
#include <format>

#include "drivers/variable/store/variable.hpp"

namespace redoubt::tool::variables {

namespace {

namespace attribute = variable::attribute;

struct AttributeWord {
  std::uint32_t bit;
  std::string_view word;
};

constexpr AttributeWord words[] = {
    {attribute::non_volatile, "NV"},        {attribute::boot_service_access, "BS"},
    {attribute::runtime_access, "RT"},      {attribute::hardware_error_record, "HR"},
    {attribute::authenticated_write, "AW"}, {attribute::time_based_authenticated_write, "AT"},
    {attribute::append_write, "AP"},        {attribute::enhanced_authenticated_access, "EA"},
};

constexpr char32_t replacement = 0xFFFD;

void append_utf8(std::string& text, char32_t point) {
  const auto byte = [&text](char32_t value) { text += static_cast<char>(static_cast<unsigned char>(value)); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0 | point >> 6);
    byte(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    byte(0xE0 | point >> 12);
    byte(0x80 | (point >> 6 & 0x3F));
    byte(0x80 | (point & 0x3F));
  } else {
    byte(0xF0 | point >> 18);
    byte(0x80 | (point >> 12 & 0x3F));
    byte(0x80 | (point >> 6 & 0x3F));
    byte(0x80 | (point & 0x3F));
  }
}

bool is_high_surrogate(char32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(char32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }
bool is_control(char32_t point) { return point < 0x20 || (point >= 0x7F && point < 0xA0); }

int digit_of(char character) {
  const int lower = std::tolower(static_cast<unsigned char>(character));
  if (lower >= '0' && lower <= '9') {
    return lower - '0';
  }
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string to_utf8(std::u16string_view text) {
  std::string result;
  for (std::size_t index = 0; index < text.size(); ++index) {
    char32_t point = text[index];
    if (is_high_surrogate(point) && index + 1 < text.size() && is_low_surrogate(text[index + 1])) {
      point = 0x10000 + ((point - 0xD800) << 10) + (char32_t{text[++index]} - 0xDC00);
    } else if (is_high_surrogate(point) || is_low_surrogate(point) || is_control(point)) {
      point = replacement;
    }
    append_utf8(result, point);
  }
  return result;
}

std::optional<std::u16string> from_utf8(std::string_view text) {
  std::u16string result;
  for (std::size_t index = 0; index < text.size();) {
    const auto first = static_cast<unsigned char>(text[index++]);
    const std::size_t more = first < 0x80   ? 0
                             : first < 0xC2 ? 4
                             : first < 0xE0 ? 1
                             : first < 0xF0 ? 2
                             : first < 0xF5 ? 3
                                            : 4;
    if (more > 3 || more > text.size() - index) {
      return std::nullopt;
    }
    char32_t point = more == 0 ? first : first & (0x3FU >> more);
    for (std::size_t count = 0; count < more; ++count) {
      const auto next = static_cast<unsigned char>(text[index++]);
      if ((next & 0xC0) != 0x80) {
        return std::nullopt;
      }
      point = point << 6 | (next & 0x3FU);
    }
    const bool too_long = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
    if (too_long || point > 0x10FFFF || is_high_surrogate(point) || is_low_surrogate(point)) {
      return std::nullopt;
    }
    if (point >= 0x10000) {
      result += static_cast<char16_t>(0xD800 + ((point - 0x10000) >> 10));
      result += static_cast<char16_t>(0xDC00 + ((point - 0x10000) & 0x3FF));
    } else {
      result += static_cast<char16_t>(point);
    }
  }
  return result;
}

std::u16string units_of(Bytes bytes) {
  std::u16string units;
  for (ByteReader reader(bytes); reader.remaining() >= sizeof(char16_t);) {
    const auto unit = reader.read<char16_t>().value_or(u'\0');
    if (unit == 0) {
      break;
    }
    units += unit;
  }
  return units;
}

std::string ascii_of(Bytes bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    const auto code = std::to_integer<unsigned char>(byte);
    if (code == 0) {
      break;
    }
    text += code < 0x20 || code >= 0x7F ? '?' : static_cast<char>(code);
  }
  return text;
}

std::vector<std::string> attribute_words(std::uint32_t attributes) {
  std::vector<std::string> found;
  for (const AttributeWord& known : words) {
    if ((attributes & known.bit) != 0) {
      found.emplace_back(known.word);
      attributes &= ~known.bit;
    }
  }
  if (attributes != 0) {
    found.push_back(std::format("{:#x}", attributes));
  }
  return found;
}

std::string attributes_text(std::uint32_t attributes) {
  std::string text;
  for (const std::string& word : attribute_words(attributes)) {
    text += (text.empty() ? "" : "+") + word;
  }
  return text.empty() ? "-" : text;
}

std::optional<std::uint32_t> parse_attributes(std::string_view text) {
  std::uint32_t attributes = 0;
  while (true) {
    const std::size_t end = text.find_first_of(",+");
    std::string word(text.substr(0, end));
    std::ranges::transform(word, word.begin(), [](unsigned char letter) { return std::toupper(letter); });
    const auto* known = std::ranges::find(words, word, &AttributeWord::word);
    if (known == std::end(words)) {
      return std::nullopt;
    }
    attributes |= known->bit;
    if (end == std::string_view::npos) {
      return attributes;
    }
    text.remove_prefix(end + 1);
  }
}

std::string to_hex(Bytes bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    text += digits[value >> 4];
    text += digits[value & 15];
  }
  return text;
}

std::optional<std::vector<std::byte>> parse_hex(std::string_view text) {
  std::vector<std::byte> bytes;
  for (std::size_t index = 0; index < text.size();) {
    if (std::string_view(" \t\r\n:,").contains(text[index])) {
      ++index;
      continue;
    }
    const int high = digit_of(text[index]);
    const int low = index + 1 < text.size() ? digit_of(text[index + 1]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
    index += 2;
  }
  return bytes;
}

std::string hex_dump(Bytes bytes, std::string_view indent) {
  constexpr std::size_t row = 16;
  std::string text;
  for (std::size_t offset = 0; offset < bytes.size(); offset += row) {
    const Bytes part = bytes.subspan(offset, std::min(row, bytes.size() - offset));
    std::string digits;
    std::string letters;
    for (std::size_t index = 0; index < part.size(); ++index) {
      const auto code = std::to_integer<unsigned char>(part[index]);
      digits += std::format("{}{:02x}", index == row / 2 ? "  " : " ", code);
      letters += code < 0x20 || code >= 0x7F ? '.' : static_cast<char>(code);
    }
    text += std::format("{}{:08x} {:<49} |{}|\n", indent, offset, digits, letters);
  }
  return text;
}

std::string time_text(const abi::Time& time) {
  if (time == abi::Time{}) {
    return {};
  }
  if (time.year < 1900 || time.year > 9999 || time.month < 1 || time.month > 12 || time.day < 1 || time.day > 31 ||
      time.hour > 23 || time.minute > 59 || time.second > 59) {
    return to_hex(std::as_bytes(std::span(&time, 1)));
  }
  return std::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", time.year, time.month, time.day, time.hour, time.minute,
                     time.second);
}

}  // namespace redoubt::tool::variables
