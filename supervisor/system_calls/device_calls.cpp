// SPDX-License-Identifier: BSD-2-Clause-Patent
// Log and ports. The foundation gets no more ports than drivers have: it asks on a driver's behalf.
#include "platform/board.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/save_state/save_state.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {
namespace {

bool is_port_width(abi::Width width) {
  return width == abi::Width{1} || width == abi::Width{2} || width == abi::Width{4};
}

}  // namespace

CallResult<void> log(const Caller& caller, Range<FoundationSpace> text) {
  std::array<char, abi::log_line_bytes> copy;
  if (text.bytes() > copy.size()) {
    return std::unexpected(abi::SystemStatus::invalid_argument);
  }
  const std::span line_text = std::span(copy).first(static_cast<std::size_t>(text.bytes()));
  if (!caller.supervisor.memory.copy_from_foundation(std::as_writable_bytes(line_text), text.base())) {
    return std::unexpected(abi::SystemStatus::bad_address);
  }
  make_printable(line_text.data(), line_text.size());
  ReportLine line(FoundationLine{{line_text.data(), line_text.size()}});
  write(line);
  return {};
}

CallResult<std::uint64_t> read_io(const Caller& /*caller*/, std::uint64_t port, abi::Width width) {
  if (!is_port_width(width)) {
    return std::unexpected(abi::SystemStatus::invalid_argument);
  }
  const auto read = policy::judge_read(platform::board::grants.ports, port, static_cast<std::uint64_t>(width));
  if (!read) {
    return std::unexpected(abi::SystemStatus::not_permitted);
  }
  return platform::read_for_driver(*read);
}

CallResult<void> write_io(const Caller& caller, std::uint64_t port, abi::Width width, std::uint64_t value) {
  if (!is_port_width(width)) {
    return std::unexpected(abi::SystemStatus::invalid_argument);
  }
  find_raisers(caller.supervisor, caller.cpu);  // the port may be the one that tells
  const auto write = policy::judge_write(platform::board::grants.ports, port, static_cast<std::uint64_t>(width),
                                         static_cast<std::uint32_t>(value));
  if (!write) {
    return std::unexpected(abi::SystemStatus::not_permitted);
  }
  platform::write_for_driver(*write);
  return {};
}

}  // namespace redoubt::supervisor::system_calls
