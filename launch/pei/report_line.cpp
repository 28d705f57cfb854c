// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/report_line.hpp"

#include "launch/pei/port_io.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::launch {

namespace q35 = platform::q35;

ReportLine::ReportLine(abi::EventName event)
    : present_(read_port8(q35::debug_console_port) == q35::debug_console_signature) {
  put(abi::report_prefix);
  put(event.text());
}

ReportLine::~ReportLine() { put("\n"); }

void ReportLine::put(std::string_view text) const {
  for (const char character : text) {
    if (present_) {
      write_port8(q35::debug_console_port, static_cast<std::uint8_t>(character));
    }
  }
}

}  // namespace redoubt::launch
