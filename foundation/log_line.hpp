// SPDX-License-Identifier: BSD-2-Clause-Patent
// Builds one line of the report (abi/redoubt/report.hpp) in place. Text that came from an image or a driver is made
// harmless here: what could end a value or a line is replaced. A value that no longer fits is cut, never the quote
// that ends it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "abi/redoubt/syscall.hpp"
#include "abi/uefi/guid_text.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::foundation {

class LogLine {
 public:
  explicit LogLine(std::string_view event) { append(event); }

  LogLine& number(std::string_view key, std::uint64_t value) {
    Digits digits;
    return plain(key, decimal(value, digits));
  }

  LogLine& hexadecimal(std::string_view key, std::uint64_t value) {
    char digits[18];
    std::size_t first = sizeof(digits);
    do {
      digits[--first] = "0123456789abcdef"[value % 16];
      value /= 16;
    } while (value != 0);
    digits[--first] = 'x';
    digits[--first] = '0';
    return plain(key, {digits + first, sizeof(digits) - first});
  }

  LogLine& guid(std::string_view key, const abi::Guid& value) { return plain(key, abi::to_text(value).view()); }

  // USED/LIMIT.
  LogLine& share(std::string_view key, std::uint64_t used, std::uint64_t limit) {
    Digits used_digits;
    Digits limit_digits;
    const std::string_view used_text = decimal(used, used_digits);
    const std::string_view limit_text = decimal(limit, limit_digits);
    if (room() < key.size() + used_text.size() + limit_text.size() + 3) return *this;
    plain(key, used_text);
    append("/");
    append(limit_text);
    return *this;
  }

  // A bare word of ours.
  LogLine& word(std::string_view key, std::string_view value) { return plain(key, value); }

  // In double quotes.
  LogLine& text(std::string_view key, std::string_view value) {
    open(key);
    append_quoted(value);
    return close();
  }

  // The same in steps, for a value made of parts.
  LogLine& open(std::string_view key) {
    append(" ");
    append(key);
    append("=\"");
    return *this;
  }
  LogLine& append_quoted(std::string_view value) {
    for (const char c : value) {
      if (length_ + 1 >= line_.size()) break;  // room for the quote
      line_[length_++] = c < ' ' || c > '~' || c == '"' ? '?' : c;
    }
    return *this;
  }
  LogLine& append_number(std::uint64_t value) {
    Digits digits;
    return append_quoted(decimal(value, digits));
  }
  LogLine& close() {
    append("\"");
    return *this;
  }

  std::size_t room() const { return line_.size() - length_; }
  std::string_view view() const { return {line_.data(), length_}; }

 private:
  using Digits = std::array<char, 20>;

  static std::string_view decimal(std::uint64_t value, Digits& digits) {
    std::size_t first = digits.size();
    do {
      digits[--first] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return {digits.data() + first, digits.size() - first};
  }

  LogLine& plain(std::string_view key, std::string_view value) {
    if (room() < key.size() + value.size() + 2) return *this;
    append(" ");
    append(key);
    append("=");
    append(value);
    return *this;
  }

  void append(std::string_view text) {
    for (const char c : text) {
      if (length_ == line_.size()) return;
      line_[length_++] = c;
    }
  }

  std::array<char, abi::log_line_bytes> line_;
  std::size_t length_ = 0;
};

}  // namespace redoubt::foundation
