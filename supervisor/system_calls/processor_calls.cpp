// SPDX-License-Identifier: BSD-2-Clause-Patent
// Other CPUs and interrupted code: structures of the foundation's are fetched once, and judged where they are used.
#include "supervisor/procedures/procedures.hpp"
#include "supervisor/rendezvous/rendezvous_hardware.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/save_state/save_state.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {

CallResult<std::uint64_t> read_save_state(const Caller& caller, abi::CpuNumber cpu, abi::MmSaveStateRegister number,
                                          abi::Width width) {
  return supervisor::read_save_state(caller.supervisor, caller.cpu, {cpu, number, static_cast<std::uint64_t>(width)});
}

CallResult<void> write_save_state(const Caller& caller, abi::CpuNumber cpu, abi::MmSaveStateRegister number,
                                  abi::Width width, std::uint64_t value) {
  return supervisor::write_save_state(caller.supervisor, caller.cpu, {cpu, number, static_cast<std::uint64_t>(width)},
                                      value);
}

CallResult<void> start_procedure(const Caller& caller, abi::CpuNumber cpu, FoundationAddress call) {
  abi::ProcedureCall copy;
  if (!caller.supervisor.memory.copy_from_foundation(writable_object_bytes(copy), call)) {
    return std::unexpected(abi::SystemStatus::bad_address);
  }
  return supervisor::start_procedure(caller.supervisor, caller.cpu, cpu, copy);
}

CallResult<abi::ProcessorState> check_procedure(const Caller& caller, abi::CpuNumber cpu, FoundationAddress end) {
  abi::ProcedureEnd found{};
  MemoryMap& memory = caller.supervisor.memory;
  // What has ended is fetched only where it can be put.
  const auto place = Range<FoundationSpace>::create(end, sizeof(found));
  if (!place || !memory.foundation_may(abi::read_write, *place)) {
    return std::unexpected(abi::SystemStatus::bad_address);
  }
  const abi::ProcessorState state = supervisor::check_procedure(caller.supervisor, caller.cpu, cpu, found);
  if (state >= abi::ProcessorState::finished && !memory.copy_to_foundation(end, object_bytes(found))) {
    return std::unexpected(abi::SystemStatus::bad_address);
  }
  return state;
}

CallResult<void> stop_procedure(const Caller& caller, abi::CpuNumber cpu) {
  return supervisor::stop_procedure(caller.supervisor, caller.cpu, cpu);
}

CallResult<std::uint64_t> hold_processors(const Caller& caller) {
  Supervisor& supervisor = caller.supervisor;
  // In PEI no other CPU runs, and none is held.
  if (supervisor.activity == Activity::launch) {
    return 0;
  }
  RendezvousHardware hardware(supervisor);
  const Outside outside = supervisor.rendezvous.hold(caller.cpu.index, hardware);
  if (outside.what != Outside::What::nobody) {
    report_outside(supervisor, outside);
    return std::unexpected(abi::SystemStatus::busy);
  }
  return outside.presumed_stopped;
}

}  // namespace redoubt::supervisor::system_calls
