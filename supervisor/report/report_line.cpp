// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/report/report_line.hpp"

#include <cstring>

#include "abi/uefi/guid_text.hpp"

namespace redoubt::supervisor {

ReportLine::ReportLine(std::string_view event) {
  append(abi::report_prefix);
  append(event);
}

void ReportLine::append(std::string_view text) {
  const std::size_t room = capacity - 1 - size_;
  const std::size_t bytes = text.size() < room ? text.size() : room;
  std::memcpy(text_.data() + size_, text.data(), bytes);
  size_ += bytes;
}

void ReportLine::key(std::string_view name) {
  append(" ");
  append(name);
  append("=");
}

ReportLine& ReportLine::decimal(std::string_view name, std::uint64_t value) {
  std::array<char, 20> digits;
  std::size_t first = digits.size();
  do {
    digits[--first] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  return word(name, {digits.data() + first, digits.size() - first});
}

ReportLine& ReportLine::hexadecimal(std::string_view name, std::uint64_t value) {
  std::array<char, 18> digits;
  std::size_t first = digits.size();
  do {
    digits[--first] = "0123456789abcdef"[value % 16];
    value /= 16;
  } while (value != 0);
  digits[--first] = 'x';
  digits[--first] = '0';
  return word(name, {digits.data() + first, digits.size() - first});
}

ReportLine& ReportLine::word(std::string_view name, std::string_view value) {
  key(name);
  append(value);
  return *this;
}

ReportLine& ReportLine::quoted(std::string_view name, std::string_view value) {
  key(name);
  append("\"");
  append(value);
  append("\"");
  return *this;
}

ReportLine& ReportLine::guid(std::string_view name, const abi::Guid& value) {
  return word(name, abi::to_text(value).view());
}

std::string_view ReportLine::text() {
  text_[size_] = '\n';
  return {text_.data(), size_ + 1};
}

void make_printable(char* text, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    if (text[i] < ' ' || text[i] > '~') {
      text[i] = '?';
    }
  }
}

}  // namespace redoubt::supervisor
