// SPDX-License-Identifier: BSD-2-Clause-Patent
// The functions of the q35 board: console and reset. They keep no state, so they work in the middle of a panic.
#include "platform/q35/platform.hpp"

#include "arch/ports.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::platform {

static_assert(driver_ports[0] == PortRange{q35::pm_timer_port, 4});

void write_log(std::string_view text) {
  if (arch::in8(q35::debug_console_port) == q35::debug_console_signature) {
    arch::out8_string(q35::debug_console_port, text.data(), text.size());
  }
}

void reset() {
  for (;;) {
    arch::out8(q35::reset_control_port, 0x02);
    arch::out8(q35::reset_control_port, 0x06);
  }
}

}  // namespace redoubt::platform
