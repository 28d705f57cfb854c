// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/mmi/activity.hpp"

#include <algorithm>

#include "abi/pi/mm_protocols.hpp"
#include "arch/processor.hpp"
#include "policy/closed_answers.hpp"
#include "supervisor/domain/domain_calls.hpp"
#include "supervisor/exceptions/panic.hpp"
#include "supervisor/procedures/procedures.hpp"
#include "supervisor/rendezvous/rendezvous_hardware.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/save_state/save_state.hpp"
#include "supervisor/stopping/machine_end.hpp"

namespace redoubt::supervisor {
namespace {

// Ring 3 runs nowhere from here on: what goes back to the outside is what was decided.
void stop_other_cpus(Supervisor& supervisor, const Cpu& cpu) {
  if (supervisor.active_procedures != 0) [[unlikely]] {
    stop_procedures(supervisor, cpu);
  }
}

// The host gets everything back; the other CPUs leave first.
void end_round(Supervisor& supervisor, const Cpu& cpu) {
  stop_other_cpus(supervisor, cpu);
  supervisor.activity = Activity::none;
  supervisor.calls.clear();
  supervisor.extended_state.restore();
  supervisor.host_doors.reopen();
  supervisor.rendezvous.finish();
}

void end_launch(Supervisor& supervisor, const Cpu& cpu, bool success) {
  supervisor.ready = success;
  supervisor.root_interest = supervisor.root_interest && success;
  supervisor.phase = std::max(supervisor.phase, policy::BootPhase::firmware);
  supervisor.memory.release_bootstrap(supervisor.launch);
  supervisor.launch_record->result =
      static_cast<std::uint64_t>(success ? abi::LaunchResult::ready : abi::LaunchResult::failed);
  report_launch_done(supervisor);
  end_round(supervisor, cpu);
}

// The phases that end something: from their messages on nothing more is unblocked, and from the second one on no fault
// resets the machine. The foundation follows them, too, but ring 0 doesn't wait for its word.
void note_phase(Supervisor& supervisor, const abi::Guid& message) {
  if (message == abi::exit_boot_services_event_group_guid) [[unlikely]] {
    supervisor.phase = policy::BootPhase::operating_system;
    supervisor.unblocked.lock();
  } else if (message == abi::dxe_mm_ready_to_lock_protocol_guid) [[unlikely]] {
    supervisor.phase = std::max(supervisor.phase, policy::BootPhase::locked);
    supervisor.unblocked.lock();
  }
}

MutableBytes payload(const Supervisor& supervisor) {
  const CapturedMessage& message = supervisor.message;
  return {supervisor.direct_map.at(supervisor.memory.capture() + message.data_offset),
          std::min(message.data_size, message.data_capacity)};
}

// Before ring 3, which may fail in the middle, can change what was asked.
void note_question(Supervisor& supervisor) {
  supervisor.question = policy::closed_question(supervisor.message.guid, payload(supervisor));
}

// The message, without the foundation.
void answer_without_foundation(Supervisor& supervisor) {
  const CapturedMessage& message = supervisor.message;
  if (message.kind != CapturedMessage::Kind::message) {
    return;
  }
  const policy::ClosedReply reply = policy::answer_closed(policy::closed_message(message.guid), supervisor.question,
                                                          abi::status::device_error, payload(supervisor));
  supervisor.comm_buffer.reply(message, {.status = reply.status, .bytes = reply.size});
}

// There is something to do: hold the others, then look at what the host may change no longer.
[[gnu::noinline]] Continuation run_round(Supervisor& supervisor, Cpu& cpu, bool message_waits) {
  RendezvousHardware hardware(supervisor);
  // A CPU that comes late after having been called in finds the message answered; it must not call everybody in again.
  supervisor.rendezvous.gather(cpu.index, hardware, message_waits || !supervisor.rendezvous.leader_was_called());
  supervisor.message = {};
  supervisor.raisers.forget();
  if (message_waits) {
    supervisor.message = supervisor.comm_buffer.capture();
  }
  const bool has_message = supervisor.message.kind == CapturedMessage::Kind::message;
  if (!has_message && !supervisor.root_interest) {
    end_round(supervisor, cpu);
    return Continuation::leave;
  }
  if (has_message && supervisor.phase != policy::BootPhase::operating_system) {
    note_phase(supervisor, supervisor.message.guid);
  }
  if (has_message) {
    note_question(supervisor);
  }
  if (supervisor.foundation_over) [[unlikely]] {
    answer_without_foundation(supervisor);
    end_round(supervisor, cpu);
    return Continuation::leave;
  }
  abi::MmiEvent event{};
  event.cpu = cpu.index;
  if (has_message) {
    event.has_message = 1;
    event.guid = supervisor.message.guid;
    event.data = supervisor.launch.comm_buffer + supervisor.message.data_offset;
    event.data_size = supervisor.message.data_size;
    event.data_capacity = supervisor.message.data_capacity;
    event.question = supervisor.question;
  }
  supervisor.activity = Activity::mmi;
  if (!enter_foundation(supervisor, cpu, abi::EntryReason::mmi, event)) {
    return abort_activity(supervisor, cpu);
  }
  return Continuation::resume;
}

// This CPU runs MM.
[[gnu::always_inline]] inline Continuation leaders_mmi(Supervisor& supervisor, Cpu& cpu) {
  if (supervisor.end.load(std::memory_order_relaxed) != MachineEnd::none) [[unlikely]] {
    end_machine(supervisor);  // decided on a CPU that had nothing to do with who runs MM
  }
  ++supervisor.mmi_count;
  const bool message_waits = supervisor.ready && supervisor.comm_buffer.message_waits();
  if (message_waits || supervisor.root_interest) [[likely]] {
    return run_round(supervisor, cpu, message_waits);
  }
  supervisor.rendezvous.finish();
  return Continuation::leave;
}

// Of a CPU that comes back as leader: whether ring 3 left MM. If not, the CPU was reset, and what the host had in its
// registers, or was owed, isn't the host's any more.
bool left_by_itself(Supervisor& supervisor, Cpu& cpu) {
  if (supervisor.host_doors.left_closed()) {
    return true;
  }
  supervisor.host_doors.forget();
  cpu.nmi_count = 0;
  return false;
}

// Ring 3 was cut off on this CPU in the middle of an activity: it executed RSM, or the CPU was reset under it. It is
// stopped as by a fault, and the activity goes on, unless it was the foundation. The message isn't answered: the caller
// has seen its CPU come back without an answer, and may have put the next message where the answer would go. `leave` if
// nothing is left to do.
//
// What ring 0 was at when its CPU was reset (processors hold INIT back in MM, QEMU doesn't) can't be finished: the
// machine starts afresh.
Continuation continue_activity(Supervisor& supervisor, Cpu& cpu) {
  const bool ring_3 = cpu.frame.vector == arch::in_ring_3;
  cpu.frame.vector = abi::fault_cpu_reset;  // ring 0 is at work from here on, should it be cut off itself
  if (!ring_3) {
    panic(supervisor, cpu.frame, "the CPU was reset in ring 0");
  }
  const std::uint64_t reason = left_by_itself(supervisor, cpu) ? abi::fault_left_mm : abi::fault_cpu_reset;
  supervisor.host_doors.close();
  supervisor.message.kind = CapturedMessage::Kind::none;
  supervisor.raisers.begin();  // what the CPU was at now has nothing to do with this activity
  supervisor.look_again = supervisor.activity == Activity::mmi;
  return contain_fault(supervisor, cpu, {reason, 0, 0}) == CallOutcome::ring_3 ? Continuation::resume
                                                                               : abort_activity(supervisor, cpu);
}

// Another CPU runs MM, or this CPU was reset while it did, or left.
[[gnu::noinline]] Continuation begin_later(Supervisor& supervisor, Cpu& cpu) {
  RendezvousHardware(supervisor).rest();
  gather_for_marks(interrupted_place(supervisor, cpu));
  if (supervisor.rendezvous.was_reset(cpu.index)) {
    set_io_ports(cpu, false);
    supervisor.extended_state.drop();  // it became the host's when the CPU left, or is gone
    if (supervisor.activity == Activity::none) {
      static_cast<void>(left_by_itself(supervisor, cpu));
      end_round(supervisor, cpu);
    } else if (continue_activity(supervisor, cpu) == Continuation::resume) {
      return Continuation::resume;
    }
  }
  RendezvousHardware hardware(supervisor);
  if (supervisor.procedures[cpu.index].entered) {
    hardware.forget(cpu.index);  // it was reset on its way out of a round
  }
  const auto role = supervisor.rendezvous.enter(cpu.index, hardware);
  return role == Rendezvous<cpu_limit>::Role::leader ? leaders_mmi(supervisor, cpu)
                                                     : serve_round(supervisor, cpu, role);
}

}  // namespace

// An MMI with nothing to do consists of little else than this.
Continuation begin_mmi(Supervisor& supervisor, Cpu& cpu) {
  // A CPU that was reset as leader still is one, so that it can't become one here.
  return supervisor.rendezvous.enter_first(cpu.index) ? leaders_mmi(supervisor, cpu) : begin_later(supervisor, cpu);
}

abi::SystemResult<Continuation> finish_launch(Supervisor& supervisor, const Cpu& cpu, std::uint64_t status) {
  if (supervisor.activity != Activity::launch || !supervisor.calls.empty()) {
    return std::unexpected(abi::SystemStatus::not_permitted);
  }
  end_launch(supervisor, cpu, !abi::status::is_error(status));
  return Continuation::leave;
}

abi::SystemResult<Continuation> finish_mmi(Supervisor& supervisor, Cpu& cpu, std::uint64_t status,
                                           std::uint64_t bytes) {
  if (supervisor.activity != Activity::mmi || !supervisor.calls.empty()) {
    return std::unexpected(abi::SystemStatus::not_permitted);
  }
  stop_other_cpus(supervisor, cpu);
  if (supervisor.message.kind == CapturedMessage::Kind::message) {
    if (supervisor.message.guid == abi::ready_to_boot_event_group_guid) [[unlikely]] {
      forget_resets(supervisor);
    }
    supervisor.comm_buffer.reply(supervisor.message, {.status = status, .bytes = bytes});
  }
  end_round(supervisor, cpu);
  if (!supervisor.look_again) [[likely]] {
    return Continuation::leave;
  }
  supervisor.look_again = false;
  return begin_mmi(supervisor, cpu);
}

Continuation abort_activity(Supervisor& supervisor, Cpu& cpu) {
  set_io_ports(cpu, false);
  supervisor.look_again = false;
  supervisor.foundation_over = true;
  supervisor.root_interest = false;
  if (supervisor.activity == Activity::launch) {
    end_launch(supervisor, cpu, false);
    return Continuation::leave;
  }
  stop_other_cpus(supervisor, cpu);
  answer_without_foundation(supervisor);
  end_round(supervisor, cpu);
  return Continuation::leave;
}

}  // namespace redoubt::supervisor
