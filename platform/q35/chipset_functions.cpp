// SPDX-License-Identifier: BSD-2-Clause-Patent
// The chipset's functions: ports for drivers, the serial console, the timer, MMIs and reset. They keep no state, so
// they work in the middle of a panic.
#include "arch/ports.hpp"
#include "arch/processor.hpp"
#include "platform/board.hpp"
#include "platform/q35/chipset.hpp"
#include "platform/q35/serial_console.hpp"

namespace redoubt::platform {

namespace {

std::uint32_t read_port(std::uint16_t port, std::uint64_t width) {
  return width == 1 ? arch::in8(port) : width == 2 ? arch::in16(port) : arch::in32(port);
}

void write_port(std::uint16_t port, std::uint64_t width, std::uint32_t value) {
  if (width == 1) {
    arch::out8(port, static_cast<std::uint8_t>(value));
  } else if (width == 2) {
    arch::out16(port, static_cast<std::uint16_t>(value));
  } else {
    arch::out32(port, value);
  }
}

// On hardware ones clear; QEMU 7.2 stores what is written.
void clear_status(std::uint16_t port, std::uint64_t width, std::uint32_t bits) {
  const std::uint32_t before = read_port(port, width);
  write_port(port, width, bits);
  if ((read_port(port, width) & bits) != 0) write_port(port, width, before & ~bits);
}

// The write itself must not raise an MMI.
void forget_command() {
  const std::uint32_t enabled = arch::in32(q35::smi_en_port);
  arch::out32(q35::smi_en_port, enabled & ~q35::smi_en_apm);
  arch::out8(q35::apm_command_port, 0);
  arch::out32(q35::smi_en_port, enabled);
}

}  // namespace

std::uint32_t read_for_driver(const policy::GrantedRead& read) { return read_port(read.port(), read.width()); }

void write_for_driver(const policy::GrantedWrite& write) {
  const std::uint16_t port = write.port();
  const std::uint8_t width = write.width();
  switch (write.how()) {
    case policy::RegisterWrite::nothing: break;
    case policy::RegisterWrite::everything: write_port(port, width, write.value()); break;
    case policy::RegisterWrite::change:
      write_port(port, width, (read_port(port, width) & ~write.writable()) | write.value());
      break;
    case policy::RegisterWrite::clear: clear_status(port, width, write.value()); break;
    case policy::RegisterWrite::forget_command: forget_command(); break;
  }
}

std::uint8_t read_command() { return arch::in8(q35::apm_command_port); }

bool q35::write_serial(std::string_view text, bool set_up, unsigned most_polls) {
  const auto port = [](std::uint16_t offset) { return static_cast<std::uint16_t>(serial_console_port + offset); };
  const std::uint8_t line_control = set_up ? uart_line_8n1 : arch::in8(port(uart_line_control));
  if (set_up) {
    arch::out8(port(uart_line_control), uart_line_show_divisor);
    arch::out8(port(uart_divisor_low), uart_divisor_115200 & 0xFF);
    arch::out8(port(uart_divisor_high), uart_divisor_115200 >> 8);
  }
  // The interrupted code may have been at the divisor.
  arch::out8(port(uart_line_control), line_control & static_cast<std::uint8_t>(~uart_line_show_divisor));
  bool taken = true;
  for (const char character : text) {
    unsigned polls = 0;
    while ((arch::in8(port(uart_line_status)) & uart_line_transmit_empty) == 0 && polls < most_polls) {
      ++polls;
    }
    taken = polls != most_polls;
    if (!taken) {
      break;
    }
    arch::out8(port(uart_transmit), static_cast<std::uint8_t>(character));
  }
  arch::out8(port(uart_line_control), line_control);
  return taken;
}

void write_console(std::string_view text, bool set_up) {
  constexpr unsigned most_polls = 1u << 14;  // a byte takes 87 microseconds at 115200 baud, a poll about one
  static_cast<void>(q35::write_serial(text, set_up, most_polls));
}

std::uint32_t read_timer() { return arch::in32(q35::pm_timer_port); }

// Command 0 means "look into the mailbox" to every Standalone MM on this chipset.
void raise_mmi() { arch::out8(q35::apm_command_port, 0); }

// With the value that the register holds: a dispatcher that hasn't seen it yet sees it once, and one that has seen it
// has written 0 there.
void raise_mmi_everywhere() {
  const std::uint8_t held = arch::in8(q35::apm_command_port);
  const bool raises_none = held == q35::apm_acpi_enable || held == q35::apm_acpi_disable;
  arch::out8(q35::apm_command_port, raises_none ? std::uint8_t{0} : held);
}

void reset() {
  constexpr unsigned attempts = 1000;
  for (unsigned attempt = 0; attempt < attempts; ++attempt) {
    arch::out8(q35::reset_control_port, 0x02);
    arch::out8(q35::reset_control_port, 0x06);
  }
  arch::shut_down();
}

}  // namespace redoubt::platform
