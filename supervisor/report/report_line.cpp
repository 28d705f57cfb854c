// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/report/report_line.hpp"

#include <cstring>

namespace redoubt::supervisor {

ReportLine::ReportLine(abi::EventName event) : ReportLine(FoundationLine{event.text()}) {}

ReportLine::ReportLine(FoundationLine line) {
  put(abi::report_prefix);
  put(line.text);
}

void ReportLine::put(std::string_view text) {
  const std::size_t bytes = text.size() < room() ? text.size() : room();
  std::memcpy(text_.data() + size_, text.data(), bytes);
  size_ += bytes;
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

template class redoubt::abi::ReportLineWriter<redoubt::supervisor::ReportLine>;
