// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where assembly (arch/x86_64/entry) enters C++ on each MMI, and from ring 0's own exceptions. From ring 3:
// trap_entry.cpp.
#include "arch/processor.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "supervisor/exceptions/panic.hpp"
#include "supervisor/mmi/activity.hpp"

using redoubt::supervisor::Continuation;
using redoubt::supervisor::Cpu;
using redoubt::supervisor::the_supervisor;

namespace {

constexpr unsigned nmi_polls = 1'000'000;

}  // namespace

extern "C" {

Continuation supervisor_mmi(Cpu& cpu) { return redoubt::supervisor::begin_mmi(the_supervisor, cpu); }

[[noreturn]] void supervisor_panic(const redoubt::arch::RegisterFrame& frame) {
  namespace vector = redoubt::arch::vector;
  const char* reason = "exception in ring 0";
  if (frame.vector == vector::machine_check) {
    reason = "machine check";
  } else if (frame.vector == vector::double_fault) {
    reason = "double fault";
  }
  redoubt::supervisor::panic(the_supervisor, frame, reason);
}

// These are for the way out of an MMI in which NMIs came: see arch/x86_64/entry/mmi_entry.S.
void supervisor_keep_destination(Cpu& cpu) { cpu.hosts_destination = the_supervisor.local_apic.destination(); }

void supervisor_put_destination_back(const Cpu& cpu) {
  the_supervisor.local_apic.set_destination(cpu.hosts_destination);
}

void supervisor_send_nmi(const Cpu& cpu) { static_cast<void>(the_supervisor.local_apic.send_nmi(cpu.apic_id)); }

void supervisor_send_nmi_and_wait(const Cpu& cpu) {
  if (the_supervisor.local_apic.send_nmi(cpu.apic_id)) {
    for (unsigned polls = 0; polls < nmi_polls; ++polls) {
      redoubt::arch::spin_hint();
    }
  }
}

}  // extern "C"
