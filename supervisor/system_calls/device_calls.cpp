// SPDX-License-Identifier: BSD-2-Clause-Patent
// Log and ports. The foundation gets no more ports than drivers have: it asks on a driver's behalf.
#include "arch/ports.hpp"
#include "platform/q35/platform.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {
namespace {

bool valid_width(std::uint64_t width) { return width == 1 || width == 2 || width == 4; }

}  // namespace

Continuation log(Supervisor& supervisor, Cpu& cpu) {
  std::array<char, abi::log_line_bytes> text;
  const std::uint64_t bytes = cpu.frame.rsi;
  if (bytes > text.size()) {
    return answer(cpu, abi::SystemStatus::invalid_argument);
  }
  if (!supervisor.memory.copy_from(Domain::foundation, text.data(), cpu.frame.rdi, bytes)) {
    return answer(cpu, abi::SystemStatus::bad_address);
  }
  make_printable(text.data(), bytes);
  ReportLine line({text.data(), bytes});
  write(line);
  return answer(cpu, abi::SystemStatus::ok);
}

Continuation read_io(Supervisor& /*supervisor*/, Cpu& cpu) {
  const std::uint64_t width = cpu.frame.rsi;
  if (!valid_width(width)) {
    return answer(cpu, abi::SystemStatus::invalid_argument);
  }
  if (!platform::driver_may_use_port(cpu.frame.rdi, width)) {
    return answer(cpu, abi::SystemStatus::not_permitted);
  }
  const auto port = static_cast<std::uint16_t>(cpu.frame.rdi);
  const std::uint32_t value = width == 1 ? arch::in8(port) : width == 2 ? arch::in16(port) : arch::in32(port);
  return answer(cpu, abi::SystemStatus::ok, value);
}

Continuation write_io(Supervisor& /*supervisor*/, Cpu& cpu) {
  const std::uint64_t width = cpu.frame.rsi;
  const std::uint64_t value = cpu.frame.rdx;
  if (!valid_width(width)) {
    return answer(cpu, abi::SystemStatus::invalid_argument);
  }
  if (!platform::driver_may_use_port(cpu.frame.rdi, width)) {
    return answer(cpu, abi::SystemStatus::not_permitted);
  }
  const auto port = static_cast<std::uint16_t>(cpu.frame.rdi);
  if (width == 1) {
    arch::out8(port, static_cast<std::uint8_t>(value));
  } else if (width == 2) {
    arch::out16(port, static_cast<std::uint16_t>(value));
  } else {
    arch::out32(port, static_cast<std::uint32_t>(value));
  }
  return answer(cpu, abi::SystemStatus::ok);
}

}  // namespace redoubt::supervisor::system_calls
