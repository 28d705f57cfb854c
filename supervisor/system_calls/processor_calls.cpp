// SPDX-License-Identifier: BSD-2-Clause-Patent
// Other CPUs and interrupted code: arguments come from registers and structures of the foundation's, are fetched once,
// and judged where they are used.
#include "supervisor/report/report.hpp"
#include "supervisor/save_state/save_state.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {

Continuation read_save_state(Supervisor& supervisor, Cpu& cpu) {
  const auto value = supervisor::read_save_state(supervisor, cpu, cpu.frame.rdi, cpu.frame.rsi, cpu.frame.rdx);
  return value ? answer(cpu, abi::SystemStatus::ok, *value) : answer(cpu, value.error());
}

Continuation write_save_state(Supervisor& supervisor, Cpu& cpu) {
  return answer(
      cpu, supervisor::write_save_state(supervisor, cpu, cpu.frame.rdi, cpu.frame.rsi, cpu.frame.rdx, cpu.frame.rcx));
}

Continuation start_procedure(Supervisor& supervisor, Cpu& cpu) {
  abi::ProcedureCall call;
  if (!supervisor.memory.copy_from(Domain::foundation, &call, cpu.frame.rsi, sizeof(call))) {
    return answer(cpu, abi::SystemStatus::bad_address);
  }
  return answer(cpu, supervisor::start_procedure(supervisor, cpu, cpu.frame.rdi, call));
}

Continuation check_procedure(Supervisor& supervisor, Cpu& cpu) {
  abi::ProcedureEnd end{};
  if (!supervisor.memory.permits(Domain::foundation, cpu.frame.rsi, sizeof(end), abi::page_read | abi::page_write)) {
    return answer(cpu, abi::SystemStatus::bad_address);
  }
  const abi::ProcessorState state = supervisor::check_procedure(supervisor, cpu, cpu.frame.rdi, end);
  if (state >= abi::ProcessorState::finished &&
      !supervisor.memory.copy_to(Domain::foundation, cpu.frame.rsi, &end, sizeof(end))) {
    return answer(cpu, abi::SystemStatus::bad_address);
  }
  return answer(cpu, abi::SystemStatus::ok, static_cast<std::uint64_t>(state));
}

Continuation stop_procedure(Supervisor& supervisor, Cpu& cpu) {
  return answer(cpu, supervisor::stop_procedure(supervisor, cpu, cpu.frame.rdi));
}

Continuation hold_processors(Supervisor& supervisor, Cpu& cpu) {
  // In PEI nobody else runs, and nobody is held.
  if (supervisor.activity == Activity::launch) {
    return answer(cpu, abi::SystemStatus::ok, 0);
  }
  RendezvousHardware hardware(supervisor);
  const Outside outside = supervisor.rendezvous.hold(cpu.index, hardware);
  if (outside.what != Outside::What::nobody) {
    report_outside(supervisor, outside);
    return answer(cpu, abi::SystemStatus::busy);
  }
  return answer(cpu, abi::SystemStatus::ok, outside.presumed_stopped);
}

}  // namespace redoubt::supervisor::system_calls
