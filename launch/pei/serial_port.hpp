// SPDX-License-Identifier: BSD-2-Clause-Patent
// The board's serial console, by polling. It isn't touched before there is something to write: stock firmware's own
// driver sets it up again in DXE. A port that isn't there gets nothing. One that is stuck is given up after
// `patience_for_one`, one that is slow once all its waits together come to `patience`; what is done between two waits
// counts for neither.
#pragma once

#include <cstdint>

#include "arch/ports.hpp"
#include "launch/pei/console.hpp"
#include "platform/board.hpp"

namespace redoubt::launch {

// The machine's own ports, for SerialPort.
struct MachinePorts {
  static void write8(std::uint16_t port, std::uint8_t value) { arch::out8(port, value); }
  static std::uint8_t read8(std::uint16_t port) { return arch::in8(port); }
  static std::uint32_t read32(std::uint16_t port) { return arch::in32(port); }
};

// `Ports` has write8, read8 and read32, which take a port's number.
template <typename Ports>
class SerialPort final : public Console {
 public:
  // In ticks of the ACPI timer. At 115200 baud a character takes 310.
  static constexpr std::uint32_t patience = 2 * platform::board::pm_timer_hertz;
  static constexpr std::uint32_t patience_for_one = platform::board::pm_timer_hertz / 10;
  static constexpr std::uint32_t most_polls = 4'000'000;  // should that stand still

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
      put(platform::board::uart_transmit, static_cast<std::uint8_t>(character));
    }
  }

 private:
  enum class State : std::uint8_t { untouched, works, given_up };

  static constexpr std::uint16_t port(std::uint16_t offset) {
    return static_cast<std::uint16_t>(platform::board::serial_console_port + offset);
  }
  void put(std::uint16_t offset, std::uint8_t value) { ports_.write8(port(offset), value); }
  std::uint8_t get(std::uint16_t offset) { return ports_.read8(port(offset)); }

  // False when there is no such device: ports without a device don't keep what is written to them.
  bool start() {
    namespace board = platform::board;
    for (const std::uint8_t pattern : {std::uint8_t{0x5A}, std::uint8_t{0xA5}}) {
      put(board::uart_scratch, pattern);
      if (get(board::uart_scratch) != pattern) {
        return false;
      }
    }
    put(board::uart_line_control, board::uart_line_show_divisor);
    put(board::uart_divisor_low, board::uart_divisor_115200 & 0xFF);
    put(board::uart_divisor_high, board::uart_divisor_115200 >> 8);
    put(board::uart_line_control, board::uart_line_8n1);
    put(board::uart_interrupt_enable, 0);
    put(board::uart_fifo_control, board::uart_fifo_enable_empty);
    put(board::uart_modem_control, board::uart_modem_dtr_rts);
    return true;
  }

  bool is_empty() { return (get(platform::board::uart_line_status) & platform::board::uart_line_transmit_empty) != 0; }

  bool wait_until_empty() {
    if (is_empty()) {
      return true;
    }
    std::uint32_t last = timer();
    std::uint32_t waited = 0;
    do {
      const std::uint32_t now = timer();
      waited += (now - last) & platform::board::pm_timer_mask;
      last = now;
      if (waited > patience_for_one || waited_ + waited > patience || ++polls_ > most_polls) {
        return false;
      }
    } while (!is_empty());
    waited_ += waited;
    return true;
  }

  std::uint32_t timer() { return ports_.read32(platform::board::pm_timer_port); }

  Ports& ports_;
  State state_ = State::untouched;
  std::uint32_t waited_ = 0;
  std::uint32_t polls_ = 0;
};

}  // namespace redoubt::launch
