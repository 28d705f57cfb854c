// SPDX-License-Identifier: BSD-2-Clause-Patent
// One line of the report (abi/redoubt/report.hpp), made in place, prefix and line feed included. What doesn't fit is
// cut off, never the line feed.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "abi/redoubt/report_line.hpp"
#include "abi/redoubt/syscall.hpp"

namespace redoubt::supervisor {

// A line that the foundation made, printable and without the prefix.
struct FoundationLine {
  std::string_view text;
};

class ReportLine : public abi::ReportLineWriter<ReportLine> {
 public:
  explicit ReportLine(abi::EventName event);
  explicit ReportLine(FoundationLine line);

  std::size_t room() const { return text_.size() - 1 - size_; }
  void put(std::string_view text);

  // The whole line.
  std::string_view text();

 private:
  static constexpr std::size_t capacity = 320;
  static_assert(capacity > sizeof(abi::report_prefix) + abi::log_line_bytes);
  std::array<char, capacity> text_;
  std::size_t size_ = 0;
};

// Makes text from ring 3 safe to log: everything but printable ASCII becomes '?'.
void make_printable(char* text, std::size_t bytes);

}  // namespace redoubt::supervisor

// One copy of each in ring 0.
extern template class redoubt::abi::ReportLineWriter<redoubt::supervisor::ReportLine>;
