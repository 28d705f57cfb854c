// SPDX-License-Identifier: BSD-2-Clause-Patent
// Log and ports. The foundation gets no more ports than drivers have: it asks on a driver's behalf.
#include "platform/q35/platform.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/save_state/save_state.hpp"
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
  ReportLine line({text.data(), static_cast<std::size_t>(bytes)});
  write(line);
  return answer(cpu, abi::SystemStatus::ok);
}

Continuation read_io(Supervisor& /*supervisor*/, Cpu& cpu) {
  const std::uint64_t width = cpu.frame.rsi;
  if (!valid_width(width)) {
    return answer(cpu, abi::SystemStatus::invalid_argument);
  }
  const std::optional<std::uint32_t> value = platform::read_port_for_driver(cpu.frame.rdi, width);
  return value ? answer(cpu, abi::SystemStatus::ok, *value) : answer(cpu, abi::SystemStatus::not_permitted);
}

Continuation write_io(Supervisor& supervisor, Cpu& cpu) {
  const std::uint64_t width = cpu.frame.rsi;
  if (!valid_width(width)) {
    return answer(cpu, abi::SystemStatus::invalid_argument);
  }
  find_raisers(supervisor, cpu);  // the port may be the one that tells
  const bool written = platform::write_port_for_driver(cpu.frame.rdi, width, static_cast<std::uint32_t>(cpu.frame.rdx));
  return answer(cpu, written ? abi::SystemStatus::ok : abi::SystemStatus::not_permitted);
}

}  // namespace redoubt::supervisor::system_calls
