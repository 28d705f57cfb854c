// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/dxe/debug_console.hpp"

#include "platform/board.hpp"

namespace redoubt::launch::dxe {

DebugLine::DebugLine(abi::EventName event) {
  put(abi::report_prefix);
  put(event.text());
}

DebugLine::~DebugLine() { put("\n"); }

void DebugLine::put(std::string_view text) { platform::write_log(text); }

}  // namespace redoubt::launch::dxe
