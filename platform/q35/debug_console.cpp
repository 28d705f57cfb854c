// SPDX-License-Identifier: BSD-2-Clause-Patent
// MM's log on the debug console, where the machine has one.
#include "arch/ports.hpp"
#include "platform/board.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::platform {

void start_log() {}

void write_log(std::string_view text) {
  if (arch::in8(q35::debug_console_port) == q35::debug_console_signature) {
    arch::out8_string(q35::debug_console_port, text.data(), text.size());
  }
}

}  // namespace redoubt::platform
