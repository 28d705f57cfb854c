// SPDX-License-Identifier: BSD-2-Clause-Patent
// Builds one line of the report (abi/redoubt/report.hpp) in place, prefix and line feed included. What doesn't fit is
// cut off, never the line feed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/redoubt/report.hpp"
#include "abi/redoubt/syscall.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::supervisor {

class ReportLine {
 public:
  explicit ReportLine(std::string_view event);

  ReportLine& decimal(std::string_view key, std::uint64_t value);
  ReportLine& hexadecimal(std::string_view key, std::uint64_t value);
  // `value` without spaces and quotes.
  ReportLine& word(std::string_view key, std::string_view value);
  // `value` without quotes.
  ReportLine& quoted(std::string_view key, std::string_view value);
  ReportLine& guid(std::string_view key, const abi::Guid& value);

  // The whole line.
  std::string_view text();

 private:
  void append(std::string_view text);
  void key(std::string_view name);

  static constexpr std::size_t capacity = 320;
  static_assert(capacity > sizeof(abi::report_prefix) + abi::log_line_bytes);
  std::array<char, capacity> text_;
  std::size_t size_ = 0;
};

// Makes text from ring 3 safe to log: everything but printable ASCII becomes '?'.
void make_printable(char* text, std::size_t bytes);

}  // namespace redoubt::supervisor
