// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/exceptions/trap.hpp"

#include "arch/processor.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "supervisor/domain/domain_calls.hpp"
#include "supervisor/mmi/activity.hpp"
#include "supervisor/procedures/procedures.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor {
namespace {

Continuation after(Supervisor& supervisor, Cpu& cpu, CallOutcome outcome) {
  return outcome == CallOutcome::ring_3 ? Continuation::resume : abort_activity(supervisor, cpu);
}

}  // namespace

Continuation handle_trap(Supervisor& supervisor, Cpu& cpu) {
  if (cpu.runs_procedure != 0) [[unlikely]] {
    return handle_procedure_trap(supervisor, cpu);
  }
  const bool driver = supervisor.calls.driver_runs();
  const std::uint64_t vector = cpu.frame.vector;
  if (vector == abi::system_call_vector && !driver) {
    return system_call(supervisor, cpu);
  }
  if (vector == abi::driver_gate_vector && driver) {
    return after(supervisor, cpu, driver_gate(supervisor, cpu));
  }
  if (vector == arch::vector::device_not_available && driver &&
      supervisor.extended_state.load(supervisor.calls.driver_depth())) {
    return Continuation::resume;
  }
  const std::uint64_t address = vector == arch::vector::page_fault ? arch::read_cr2() : 0;
  return after(supervisor, cpu, contain_fault(supervisor, cpu, {vector, address, cpu.frame.rip}));
}

}  // namespace redoubt::supervisor
