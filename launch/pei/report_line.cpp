// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/report_line.hpp"

#include "platform/board.hpp"

namespace redoubt::launch {

ReportLine::ReportLine(abi::EventName event) {
  put(abi::report_prefix);
  put(event.text());
}

ReportLine::~ReportLine() { put("\n"); }

void ReportLine::put(std::string_view text) const { platform::write_log(text); }

}  // namespace redoubt::launch
