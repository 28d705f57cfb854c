// SPDX-License-Identifier: BSD-2-Clause-Patent
// On a machine without the console the writes go nowhere.
#include "launch/dxe/debug_console.hpp"

#include "platform/q35/chipset.hpp"

namespace redoubt::launch::dxe {

DebugLine::DebugLine(abi::EventName event) {
  put(abi::report_prefix);
  put(event.text());
}

DebugLine::~DebugLine() { put("\n"); }

void DebugLine::put(std::string_view text) {
  for (const char character : text) {
    asm volatile("outb %0, %1" : : "a"(character), "d"(platform::q35::debug_console_port));
  }
}

}  // namespace redoubt::launch::dxe
