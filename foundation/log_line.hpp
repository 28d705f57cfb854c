// SPDX-License-Identifier: BSD-2-Clause-Patent
// One line of the report (abi/redoubt/report.hpp), made in place, without prefix and line feed, which ring 0 adds.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "abi/redoubt/report_line.hpp"
#include "abi/redoubt/syscall.hpp"

namespace redoubt::foundation {

class LogLine : public abi::ReportLineWriter<LogLine> {
 public:
  explicit LogLine(abi::EventName event) { put(event.text()); }

  std::size_t room() const { return line_.size() - length_; }
  void put(std::string_view text) {
    for (const char c : text) {
      if (length_ == line_.size()) return;
      line_[length_++] = c;
    }
  }

  std::string_view view() const { return {line_.data(), length_}; }

 private:
  std::array<char, abi::log_line_bytes> line_;
  std::size_t length_ = 0;
};

}  // namespace redoubt::foundation
