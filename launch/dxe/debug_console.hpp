// SPDX-License-Identifier: BSD-2-Clause-Patent
// One line of the report (abi/redoubt/report.hpp), written to the place of the log as its parts come in and ended when
// the object goes. Boot services only: at run time the device belongs to the OS.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>

#include "abi/redoubt/report_line.hpp"

namespace redoubt::launch::dxe {

class DebugLine : public abi::ReportLineWriter<DebugLine> {
 public:
  explicit DebugLine(abi::EventName event);
  ~DebugLine();
  DebugLine(const DebugLine&) = delete;
  DebugLine& operator=(const DebugLine&) = delete;
  DebugLine(DebugLine&&) = delete;
  DebugLine& operator=(DebugLine&&) = delete;

  std::size_t room() const { return std::numeric_limits<std::size_t>::max(); }
  void put(std::string_view text);
};

}  // namespace redoubt::launch::dxe
