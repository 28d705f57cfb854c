// SPDX-License-Identifier: BSD-2-Clause-Patent
// The board's serial console, by polling. It isn't touched before there is something to write: stock firmware's own
// driver sets it up again in DXE. A port that isn't there gets nothing, and one that is slow or stuck takes no more
// than `patience` of the boot, all its waits together.
#pragma once

#include <cstdint>

#include "launch/pei/console.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::launch {

// `Ports` has write8, read8 and read32, which take a port's number.
template <typename Ports>
class SerialPort final : public Console {
 public:
  static constexpr std::uint32_t patience = 2 * platform::q35::pm_timer_hertz;  // ticks of the ACPI timer
  static constexpr std::uint32_t most_polls = 4'000'000;                        // should that stand still

  explicit SerialPort(Ports& ports) : ports_(ports) {}

  void write(std::string_view text) override {
    if (state_ == State::untouched) {
      state_ = start() ? State::works : State::given_up;
    }
    for (const char character : text) {
      if (state_ == State::works && !wait_until_empty()) {
        state_ = State::given_up;
      }
      if (state_ != State::works) {
        return;
      }
      put(platform::q35::uart_transmit, static_cast<std::uint8_t>(character));
    }
  }

 private:
  enum class State : std::uint8_t { untouched, works, given_up };

  static constexpr std::uint16_t port(std::uint16_t offset) {
    return static_cast<std::uint16_t>(platform::q35::serial_console_port + offset);
  }
  void put(std::uint16_t offset, std::uint8_t value) { ports_.write8(port(offset), value); }
  std::uint8_t get(std::uint16_t offset) { return ports_.read8(port(offset)); }

  // False when there is no such device: ports of nobody's don't keep what is written to them.
  bool start() {
    namespace q35 = platform::q35;
    for (const std::uint8_t pattern : {std::uint8_t{0x5A}, std::uint8_t{0xA5}}) {
      put(q35::uart_scratch, pattern);
      if (get(q35::uart_scratch) != pattern) {
        return false;
      }
    }
    put(q35::uart_line_control, q35::uart_line_show_divisor);
    put(q35::uart_divisor_low, q35::uart_divisor_115200 & 0xFF);
    put(q35::uart_divisor_high, q35::uart_divisor_115200 >> 8);
    put(q35::uart_line_control, q35::uart_line_8n1);
    put(q35::uart_interrupt_enable, 0);
    put(q35::uart_fifo_control, q35::uart_fifo_enable_empty);
    put(q35::uart_modem_control, q35::uart_modem_dtr_rts);
    last_ = ports_.read32(q35::pm_timer_port);
    return true;
  }

  bool wait_until_empty() {
    namespace q35 = platform::q35;
    while ((get(q35::uart_line_status) & q35::uart_line_transmit_empty) == 0) {
      const std::uint32_t now = ports_.read32(q35::pm_timer_port);
      waited_ += (now - last_) & q35::pm_timer_mask;
      last_ = now;
      if (waited_ > patience || ++polls_ > most_polls) {
        return false;
      }
    }
    return true;
  }

  Ports& ports_;
  State state_ = State::untouched;
  std::uint32_t last_ = 0;
  std::uint32_t waited_ = 0;
  std::uint32_t polls_ = 0;
};

}  // namespace redoubt::launch
