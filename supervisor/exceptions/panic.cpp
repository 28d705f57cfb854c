// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/exceptions/panic.hpp"

#include <atomic>

#include "arch/processor.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "platform/q35/platform.hpp"
#include "supervisor/report/report_line.hpp"

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
    platform::write_log(line.text());
  }
  platform::reset();
}

}  // namespace redoubt::supervisor
