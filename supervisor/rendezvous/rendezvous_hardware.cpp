// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/rendezvous/rendezvous_hardware.hpp"

#include <atomic>

#include "arch/processor.hpp"
#include "platform/board.hpp"
#include "supervisor/exceptions/panic.hpp"
#include "supervisor/stopping/machine_end.hpp"

namespace redoubt::supervisor {

std::uint64_t RendezvousHardware::now() { return arch::read_tsc(); }
void RendezvousHardware::relax() { arch::spin_hint(); }
void RendezvousHardware::rest() {
  if (supervisor_.end.load(std::memory_order_acquire) != MachineEnd::none) [[unlikely]] {
    end_machine(supervisor_);
  }
}
bool RendezvousHardware::call_in(std::uint32_t cpu) {
  return supervisor_.local_apic.send_smi(supervisor_.cpus[cpu]->apic_id);
}
bool RendezvousHardware::call_others(std::uint32_t cpu) {
  return supervisor_.local_apic.send_smi_to_others(supervisor_.cpus[cpu]->apic_id);
}
void RendezvousHardware::give_up_leader() { panic(supervisor_, {}, "the CPU that runs MM does not answer"); }
void RendezvousHardware::call_all() { platform::raise_mmi_everywhere(); }
bool RendezvousHardware::assigned(std::uint32_t cpu) {
  return supervisor_.procedures[cpu].state.load(std::memory_order_acquire) == ProcedureState::posted;
}
void RendezvousHardware::forget(std::uint32_t cpu) {
  Procedure& procedure = supervisor_.procedures[cpu];
  const bool left = procedure.entered && procedure.host_doors.left_closed();
  if (left) {
    procedure.host_doors.reopen();
  } else {
    procedure.host_doors.forget();
    supervisor_.cpus[cpu]->nmi_count = 0;
  }
  procedure.entered = false;
  supervisor_.cpus[cpu]->frame.vector = abi::fault_cpu_reset;  // ring 3 doesn't run on it
  supervisor_.cpus[cpu]->runs_procedure = 0;
  set_io_ports(*supervisor_.cpus[cpu], false);
  ProcedureState posted = ProcedureState::posted;
  procedure.state.compare_exchange_strong(posted, ProcedureState::lost, std::memory_order_acq_rel);
  // Only this CPU ends what runs on it.
  if (procedure.state.load(std::memory_order_relaxed) == ProcedureState::running) {
    procedure.end = {};
    procedure.end.fault_vector = left ? abi::fault_left_mm : abi::fault_cpu_reset;
    procedure.state.store(ProcedureState::faulted, std::memory_order_release);
  }
  std::atomic_ref(supervisor_.cpus[cpu]->request).store(0, std::memory_order_release);
}

}  // namespace redoubt::supervisor
