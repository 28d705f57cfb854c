// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/exceptions/panic.hpp"

#include "arch/processor.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/stopping/machine_stop.hpp"

namespace redoubt::supervisor {
namespace {

// More than two lines on the slowest console take.
constexpr std::uint64_t other_panic_polls = std::uint64_t{1} << 26;

// Another CPU panics already, and ends the machine; or this one does, and faulted in that. Then nobody knows what was
// counted, so that no reset may follow.
[[noreturn]] void end_with_other_panic(Supervisor& supervisor) {
  for (std::uint64_t polls = 0; polls < other_panic_polls && supervisor.end.load() == MachineEnd::none; ++polls) {
    arch::spin_hint();
  }
  MachineEnd undecided = MachineEnd::none;
  supervisor.end.compare_exchange_strong(undecided, MachineEnd::halt);
  end_machine(supervisor);
}

}  // namespace

void panic(Supervisor& supervisor, const arch::RegisterFrame& frame, const char* reason) {
  if (supervisor.panicking.exchange(true)) {
    end_with_other_panic(supervisor);
  }
  const std::uint64_t address = frame.vector == arch::vector::page_fault ? arch::read_cr2() : 0;
  ReportLine line("panic");
  line.decimal("vector", frame.vector)
      .hexadecimal("rip", frame.rip)
      .hexadecimal("address", address)
      .quoted("reason", reason);
  write(line);
  // No addresses: the port may be anybody's.
  ReportLine console("panic");
  console.decimal("vector", frame.vector).quoted("reason", reason);
  write_console(console, true);
  stop_for_panic(supervisor, {frame.vector, address, frame.rip});
}

}  // namespace redoubt::supervisor
