// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/exceptions/panic.hpp"

#include "arch/processor.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/stopping/machine_end.hpp"

namespace redoubt::supervisor {

void panic(Supervisor& supervisor, const arch::RegisterFrame& frame, const char* reason) {
  if (supervisor.panicking.exchange(true)) {
    end_with_other_panic(supervisor);
  }
  const std::uint64_t address = frame.vector == arch::vector::page_fault ? arch::read_cr2() : 0;
  const PanicStop stop = record_panic(supervisor, {frame.vector, address, frame.rip});
  ReportLine line("panic");
  line.decimal("vector", frame.vector)
      .hexadecimal("rip", frame.rip)
      .hexadecimal("address", address)
      .quoted("reason", reason);
  write(line);
  // No addresses: the port may be the host's by now.
  ReportLine console("panic");
  console.decimal("vector", frame.vector).quoted("reason", reason);
  write_console(console, true);
  end_panic(supervisor, stop);
}

}  // namespace redoubt::supervisor
