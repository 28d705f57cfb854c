// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/procedures/procedures.hpp"

#include <optional>

#include "arch/processor.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "supervisor/domain/ring3_frame.hpp"
#include "supervisor/exceptions/panic.hpp"
#include "supervisor/rendezvous/rendezvous_hardware.hpp"
#include "supervisor/report/report.hpp"

namespace redoubt::supervisor {
namespace {

using Role = Rendezvous<cpu_limit>::Role;
using abi::ProcessorState;
using abi::SystemStatus;

// In ticks of the TSC. How long a CPU may take to begin, and to answer an NMI of ours and an SMI: seconds, since an
// emulated CPU may not run for some time, and what follows the latter is the end of everything. When the SMI follows
// the NMI, and how often one is asked for a sign of life: parts of a second.
constexpr std::uint64_t begin_ticks = std::uint64_t{1} << 33;
constexpr std::uint64_t prompt_ticks = std::uint64_t{1} << 28;
constexpr std::uint64_t alive_ticks = std::uint64_t{1} << 30;
constexpr std::uint64_t answer_ticks = std::uint64_t{1} << 34;
constexpr std::uint64_t answer_polls = std::uint64_t{1} << 30;

// A procedure is one call of a driver, in which there are no others.
constexpr CallDepth procedure_depth = 1;

// The CPU that is asked for, if there is one and it isn't the leader.
std::optional<std::uint32_t> find(const Supervisor& supervisor, const Cpu& leader, abi::CpuNumber asked) {
  if (asked >= abi::CpuNumber{supervisor.launch.cpu_count} || asked == abi::CpuNumber{leader.index}) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(asked);
}

// What the CPU needs besides its ring-0 stack, the first time. What there is already is kept if the rest isn't to be
// had.
Result<void> prepare(Supervisor& supervisor, const Cpu& leader, Procedure& procedure) {
  if (procedure.stack_top != DriverAddress()) {
    return {};
  }
  if (!procedure.extended_state.has_area()) {
    const PhysicalAddress area =
        TRY(supervisor.memory.allocate_supervisor(pages_of(supervisor.features.extended_state_bytes)));
    procedure.extended_state.initialize(supervisor.direct_map.at(area), supervisor.features);
  }
  procedure.stack_top =
      DriverAddress(TRY(supervisor.memory.allocate_stack(procedure_stack_pages, DomainId::drivers)).number);
  flush_procedures(supervisor, leader);
  return {};
}

// The NMI was taken, or the CPU was reset and is back: then it may have missed it.
bool answered(Supervisor& supervisor, std::uint32_t cpu) {
  const std::atomic_ref request(supervisor.cpus[cpu]->request);
  const Procedure& procedure = supervisor.procedures[cpu];
  const ProcedureState state = procedure.state.load(std::memory_order_acquire);
  if (state == ProcedureState::lost ||
      (state == ProcedureState::faulted &&
       (procedure.end.fault_vector == abi::fault_left_mm || procedure.end.fault_vector == abi::fault_cpu_reset))) {
    request.store(static_cast<std::uint8_t>(CpuRequest::none), std::memory_order_relaxed);
  }
  return request.load(std::memory_order_acquire) == static_cast<std::uint8_t>(CpuRequest::none);
}

bool wait_for_answer(Supervisor& supervisor, std::uint32_t cpu, std::uint64_t ticks) {
  const std::uint64_t start = arch::read_tsc();
  for (std::uint64_t polls = 0; polls < answer_polls && arch::read_tsc() - start < ticks; ++polls) {
    if (answered(supervisor, cpu)) {
      return true;
    }
    arch::spin_hint();
  }
  return answered(supervisor, cpu);
}

// Makes a CPU that runs a procedure take an NMI of ours, and waits until it has. A CPU that doesn't take it at once is
// slow, or was reset, or has left MM by an RSM of ring 3's, or is beyond reach. All but the last take an SMI; those in
// the middle come back with it and say so (forget). The last one runs code of ring 3 that can't be stopped, while the
// host would have its CPUs back: that must not be.
void interrupt(Supervisor& supervisor, const Cpu& leader, std::uint32_t cpu, CpuRequest request) {
  Cpu& target = *supervisor.cpus[cpu];
  std::atomic_ref(target.request).store(static_cast<std::uint8_t>(request), std::memory_order_seq_cst);
  if (supervisor.local_apic.send_nmi(target.apic_id) && wait_for_answer(supervisor, cpu, prompt_ticks)) {
    return;
  }
  supervisor.rendezvous.note_call(cpu);
  if (supervisor.local_apic.send_smi(target.apic_id) && wait_for_answer(supervisor, cpu, answer_ticks)) {
    return;
  }
  panic(supervisor, leader.frame, "a CPU does not answer");
}

bool move(Procedure& procedure, ProcedureState from, ProcedureState to) {
  return procedure.state.compare_exchange_strong(from, to, std::memory_order_acq_rel);
}

void stop(Supervisor& supervisor, const Cpu& leader, std::uint32_t cpu) {
  Procedure& procedure = supervisor.procedures[cpu];
  procedure.stop.store(true, std::memory_order_seq_cst);
  if (move(procedure, ProcedureState::posted, ProcedureState::stopped)) {
    return;
  }
  // One that comes while the CPU is in ring 0 only makes it look up; then it has seen `stop`, or is in ring 3 next. Who
  // sends it NMIs faster than it can take them (no CPU in MM does) could go on for ever.
  const std::uint64_t start = arch::read_tsc();
  while (procedure.state.load(std::memory_order_acquire) == ProcedureState::running) {
    if (arch::read_tsc() - start > 2 * answer_ticks) {
      panic(supervisor, leader.frame, "a CPU does not stop");
    }
    interrupt(supervisor, leader, cpu, CpuRequest::stop);
  }
}

// The procedure has ended: the CPU can have another one.
void collect(Supervisor& supervisor, std::uint32_t cpu, bool wanted) {
  Procedure& procedure = supervisor.procedures[cpu];
  const ProcedureState state = procedure.state.load(std::memory_order_acquire);
  if (state == ProcedureState::faulted || (state == ProcedureState::stopped && !wanted)) {
    ++supervisor.fault_count;
    const Fault fault = {procedure.end.fault_vector, procedure.end.fault_address, procedure.end.rip};
    report_fault(supervisor, DomainId::drivers, procedure.call.driver, cpu, fault);
  }
  procedure.state.store(ProcedureState::idle, std::memory_order_relaxed);
  --supervisor.active_procedures;
}

}  // namespace

// ---- The leader

abi::SystemResult<void> start_procedure(Supervisor& supervisor, const Cpu& leader, abi::CpuNumber asked,
                                        const abi::ProcedureCall& call) {
  const auto cpu = find(supervisor, leader, asked);
  if (!cpu || !supervisor.rendezvous.is_held(*cpu)) {
    return std::unexpected(SystemStatus::not_found);
  }
  Procedure& procedure = supervisor.procedures[*cpu];
  if (procedure.state.load(std::memory_order_acquire) != ProcedureState::idle) {
    return std::unexpected(SystemStatus::busy);
  }
  if (DriverAddress(call.entry) >= user_address_end) {
    return std::unexpected(SystemStatus::bad_address);
  }
  // Only what can be stopped is started.
  if (!supervisor.local_apic.reaches(supervisor.cpus[*cpu]->apic_id)) {
    return std::unexpected(SystemStatus::unsupported);
  }
  if (!prepare(supervisor, leader, procedure)) {
    return std::unexpected(SystemStatus::out_of_memory);
  }
  const DriverCallArea area = {
      .return_address = (supervisor.gates + std::uint64_t{abi::procedure_return} * abi::gate_stub_bytes).number,
      .home = {},
      .scratch = {call.status, 0},
  };
  const DriverAddress stack_pointer = procedure.stack_top - sizeof(area);
  if (!supervisor.memory.copy_to_driver(stack_pointer, object_bytes(area))) {
    return std::unexpected(SystemStatus::out_of_memory);
  }
  procedure.call = call;
  procedure.end = {};
  procedure.stack_pointer = stack_pointer;
  procedure.stop.store(false, std::memory_order_relaxed);
  procedure.seen_ticks = arch::read_tsc();
  ++supervisor.active_procedures;
  procedure.state.store(ProcedureState::posted, std::memory_order_release);
  return {};
}

ProcessorState check_procedure(Supervisor& supervisor, const Cpu& leader, abi::CpuNumber asked,
                               abi::ProcedureEnd& end) {
  const auto cpu = find(supervisor, leader, asked);
  if (!cpu) {
    return ProcessorState::absent;
  }
  Procedure& procedure = supervisor.procedures[*cpu];
  const bool held = supervisor.rendezvous.is_held(*cpu);
  const std::uint64_t waited = arch::read_tsc() - procedure.seen_ticks;
  switch (procedure.state.load(std::memory_order_acquire)) {
    case ProcedureState::idle: return held ? ProcessorState::idle : ProcessorState::absent;
    case ProcedureState::posted:
      if (!held || waited > begin_ticks) {
        move(procedure, ProcedureState::posted, ProcedureState::lost);
      }
      break;
    case ProcedureState::running:
      if (waited > alive_ticks) {
        interrupt(supervisor, leader, *cpu, CpuRequest::flush);
        procedure.seen_ticks = arch::read_tsc();
      }
      break;
    default: break;
  }
  ProcessorState result = ProcessorState::running;
  switch (procedure.state.load(std::memory_order_acquire)) {
    case ProcedureState::finished: result = ProcessorState::finished; break;
    case ProcedureState::faulted: result = ProcessorState::faulted; break;
    case ProcedureState::stopped: result = ProcessorState::stopped; break;
    case ProcedureState::lost: result = ProcessorState::lost; break;
    default: return result;
  }
  end = procedure.end;
  collect(supervisor, *cpu, true);
  return result;
}

abi::SystemResult<void> stop_procedure(Supervisor& supervisor, const Cpu& leader, abi::CpuNumber asked) {
  const auto cpu = find(supervisor, leader, asked);
  if (!cpu) {
    return std::unexpected(SystemStatus::not_found);
  }
  stop(supervisor, leader, *cpu);
  return {};
}

void stop_procedures(Supervisor& supervisor, const Cpu& leader) {
  for (std::uint32_t cpu = 0; cpu < supervisor.launch.cpu_count; ++cpu) {
    if (cpu != leader.index &&
        supervisor.procedures[cpu].state.load(std::memory_order_acquire) != ProcedureState::idle) {
      stop(supervisor, leader, cpu);
      collect(supervisor, cpu, false);
    }
  }
  supervisor.active_procedures = 0;  // a leader that was reset may have miscounted
}

void flush_procedures(Supervisor& supervisor, const Cpu& leader) {
  if (supervisor.active_procedures == 0) {
    return;
  }
  // A CPU that begins later loads CR3 after it has said so: either it is seen running here or it sees the new tables.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (std::uint32_t cpu = 0; cpu < supervisor.launch.cpu_count; ++cpu) {
    if (cpu != leader.index &&
        supervisor.procedures[cpu].state.load(std::memory_order_seq_cst) == ProcedureState::running) {
      interrupt(supervisor, leader, cpu, CpuRequest::flush);
    }
  }
}

// ---- A held CPU

namespace {

// Into ring 3, unless the leader has changed its mind.
bool begin(Supervisor& supervisor, Cpu& cpu) {
  Procedure& procedure = supervisor.procedures[cpu.index];
  // A leader that was reset may have left one that it never sent an NMI for.
  std::atomic_ref(cpu.request).store(static_cast<std::uint8_t>(CpuRequest::none), std::memory_order_relaxed);
  if (!supervisor.local_apic.reaches(cpu.apic_id) || !supervisor.local_apic.answers_to(cpu.apic_id)) {
    move(procedure, ProcedureState::posted, ProcedureState::lost);
    return false;
  }
  if (!move(procedure, ProcedureState::posted, ProcedureState::running)) {
    return false;
  }
  if (!procedure.entered || procedure.round != supervisor.rendezvous.round()) {
    procedure.entered = true;
    procedure.round = supervisor.rendezvous.round();
    procedure.extended_state.drop();
    procedure.host_doors.close();
  }
  // Another driver may have been here before.
  procedure.extended_state.end_call(procedure_depth);
  cpu.runs_procedure = 1;
  cpu.leaving = 0;
  cpu.frame = ring3_frame();
  cpu.frame.rip = procedure.call.entry;
  cpu.frame.rsp = procedure.stack_pointer.number;
  cpu.frame.rcx = procedure.call.argument;
  set_io_ports(cpu, true);
  arch::write_cr3(supervisor.memory.root(DomainId::drivers));
  arch::unblock_nmis();
  return true;
}

// In ring 0 again, for good.
Continuation end(Supervisor& supervisor, Cpu& cpu, ProcedureState state) {
  Procedure& procedure = supervisor.procedures[cpu.index];
  cpu.runs_procedure = 0;
  set_io_ports(cpu, false);
  procedure.end.rip = cpu.frame.rip;
  procedure.state.store(state, std::memory_order_release);
  RendezvousHardware hardware(supervisor);
  return serve_round(supervisor, cpu, supervisor.rendezvous.wait(cpu.index, hardware));
}

}  // namespace

Continuation serve_round(Supervisor& supervisor, Cpu& cpu, Role role) {
  RendezvousHardware hardware(supervisor);
  for (; role == Role::assigned; role = supervisor.rendezvous.wait(cpu.index, hardware)) {
    if (begin(supervisor, cpu)) {
      return Continuation::resume;
    }
  }
  Procedure& procedure = supervisor.procedures[cpu.index];
  if (procedure.entered) {
    procedure.entered = false;
    procedure.extended_state.restore();
    procedure.host_doors.reopen();
  }
  return Continuation::leave;
}

Continuation handle_procedure_trap(Supervisor& supervisor, Cpu& cpu) {
  Procedure& procedure = supervisor.procedures[cpu.index];
  arch::RegisterFrame& frame = cpu.frame;
  const std::uint64_t gate = frame.r10 & 0xFFFF'FFFF;
  if (frame.vector == arch::vector::nmi) {
    arch::unblock_nmis();  // this was the one; the next may be on its way already
  }
  if (frame.vector == abi::driver_gate_vector && gate == abi::gate_return) {
    procedure.end.result = frame.rax;
    return end(supervisor, cpu, ProcedureState::finished);
  }
  if (frame.vector == arch::vector::nmi || procedure.stop.load(std::memory_order_acquire)) {
    procedure.end.fault_vector = arch::vector::nmi;
    return end(supervisor, cpu, ProcedureState::stopped);
  }
  if (frame.vector == abi::driver_gate_vector && gate < abi::gate_count) {
    procedure.end.refused = gate + 1;
    clear_volatile_registers(frame);
    frame.rax = abi::status::unsupported;
    return Continuation::resume;
  }
  if (frame.vector == arch::vector::device_not_available && procedure.extended_state.load(procedure_depth)) {
    return Continuation::resume;
  }
  procedure.end.fault_vector = frame.vector;
  procedure.end.fault_address = frame.vector == arch::vector::page_fault ? arch::read_cr2() : 0;
  return end(supervisor, cpu, ProcedureState::faulted);
}

}  // namespace redoubt::supervisor
