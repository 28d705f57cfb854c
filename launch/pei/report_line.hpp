// SPDX-License-Identifier: BSD-2-Clause-Patent
// One line of the report (abi/redoubt/report.hpp), written while it is composed: the IPL is the only one that writes at
// this time. Nothing is written when the machine has no place for the log.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>

#include "abi/redoubt/report_line.hpp"

namespace redoubt::launch {

class ReportLine : public abi::ReportLineWriter<ReportLine> {
 public:
  explicit ReportLine(abi::EventName event);
  ~ReportLine();
  ReportLine(const ReportLine&) = delete;
  ReportLine& operator=(const ReportLine&) = delete;
  ReportLine(ReportLine&&) = delete;
  ReportLine& operator=(ReportLine&&) = delete;

  std::size_t room() const { return std::numeric_limits<std::size_t>::max(); }
  void put(std::string_view text) const;
};

}  // namespace redoubt::launch
