// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/exceptions/panic.hpp"

#include <atomic>

#include "arch/processor.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "platform/q35/platform.hpp"
#include "supervisor/report/report.hpp"

namespace redoubt::supervisor {
namespace {

std::atomic<bool> panicking = false;

}  // namespace

void panic(const arch::RegisterFrame& frame, const char* reason) {
  // A fault in here, or on another CPU, resets without another word.
  if (!panicking.exchange(true)) {
    ReportLine line("panic");
    line.decimal("vector", frame.vector)
        .hexadecimal("rip", frame.rip)
        .hexadecimal("address", frame.vector == arch::vector::page_fault ? arch::read_cr2() : 0)
        .quoted("reason", reason);
    write(line);
    // No addresses: the port may be anybody's.
    ReportLine console("panic");
    console.decimal("vector", frame.vector).quoted("reason", reason);
    write_console(console, true);
  }
  platform::reset();
}

}  // namespace redoubt::supervisor
