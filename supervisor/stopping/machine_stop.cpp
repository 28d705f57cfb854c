// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/stopping/machine_stop.hpp"

#include <algorithm>
#include <cstring>

#include "abi/redoubt/image_names.hpp"
#include "arch/processor.hpp"
#include "supervisor/procedures/procedures.hpp"
#include "supervisor/report/report.hpp"

namespace redoubt::supervisor {
namespace {

using policy::StopVerdict;

// Of a foundation that asks for stops without end, no more than so many lines are on the serial console: one takes some
// milliseconds.
constexpr std::uint32_t most_stops_told = 16;

void tell(Supervisor& supervisor, const abi::StopRequest& request, StopVerdict verdict) {
  ReportLine line(verdict == StopVerdict::reset  ? "machine.reset"
                  : verdict == StopVerdict::halt ? "machine.halted"
                                                 : "machine.closed");
  line.quoted("name", request.name)
      .guid("guid", request.file)
      .word("cause", abi::to_string(request.cause))
      .decimal("vector", request.vector)
      .word("phase", policy::to_string(supervisor.phase))
      .decimal("in_a_row", supervisor.resets.in_a_row)
      .quoted("reason", policy::reason_of(verdict));
  write(line);
  if (supervisor.stops_told++ < most_stops_told) {
    write_console(line, supervisor.phase != policy::BootPhase::operating_system);
  }
}

void put(Supervisor& supervisor, const policy::FaultRecord& record) {
  std::memcpy(supervisor.fault_record, &record, sizeof(record));
  arch::write_back_caches();  // a reset may cost what is in them
}

[[noreturn]] void halt(Supervisor& supervisor, const Cpu& cpu) {
  if (supervisor.active_procedures != 0) {
    stop_procedures(supervisor, cpu);
  }
  supervisor.halted.store(true, std::memory_order_release);
  // Those that MMIs don't wait for as well: whoever goes on outside has the machine to himself.
  RendezvousHardware hardware(supervisor);
  const Outside outside = supervisor.rendezvous.hold(cpu.index, hardware);
  if (outside.what != Outside::What::nobody) {
    report_outside(supervisor, outside);
  }
  arch::halt();
}

}  // namespace

void accept_fault_record(Supervisor& supervisor, DirectMap memory) {
  const std::uint64_t address = supervisor.launch.mmram_base + supervisor.launch.mmram_size - abi::kept_bytes;
  supervisor.fault_record = memory.at<policy::FaultRecord>(address);
  policy::FaultRecordBytes bytes;
  std::memcpy(bytes.data(), supervisor.fault_record, bytes.size());
  const auto record = policy::accept_fault_record(bytes);
  if (!record) {
    return;
  }
  supervisor.resets = record->history();
  ReportLine line("fault.record");
  line.quoted("name", record->request.name)
      .guid("guid", record->request.file)
      .word("cause", abi::to_string(record->request.cause))
      .decimal("vector", record->request.vector)
      .hexadecimal("rip", record->request.rip)
      .hexadecimal("address", record->request.address)
      .guid("handler", record->request.handler)
      .word("phase", policy::to_string(record->phase))
      .word("action", policy::action_of(record->verdict))
      .decimal("in_a_row", record->in_a_row);
  write(line);
}

void stop_for(Supervisor& supervisor, const Cpu& cpu, abi::StopRequest request) {
  policy::make_sound(request);
  const StopVerdict verdict = policy::judge_fault(request.policy, request.file, supervisor.phase, supervisor.resets);
  supervisor.resets = policy::history_after(verdict, supervisor.resets, request.file);
  supervisor.fault_recorded = true;
  put(supervisor, policy::make_fault_record(request, supervisor.phase, verdict, supervisor.resets));
  tell(supervisor, request, verdict);
  if (verdict == StopVerdict::reset) {
    supervisor.halted.store(true, std::memory_order_release);  // should this CPU not be the last to run
    platform::reset();
  }
  if (verdict == StopVerdict::halt) {
    halt(supervisor, cpu);
  }
}

void stop_for_foundation(Supervisor& supervisor, const Cpu& cpu, const Fault& fault) {
  abi::StopRequest request{};
  request.file = abi::image_names::foundation;
  request.handler = supervisor.message.guid;
  request.rip = fault.rip;
  request.address = fault.address;
  request.vector = static_cast<std::uint32_t>(fault.vector);
  request.policy = abi::FaultPolicy::reset;
  std::memcpy(request.name, abi::image_names::foundation_name, sizeof(abi::image_names::foundation_name));
  stop_for(supervisor, cpu, request);
}

void forget_resets(Supervisor& supervisor) {
  supervisor.phase = std::max(supervisor.phase, policy::BootPhase::ready_to_boot);
  supervisor.resets = {};
  policy::FaultRecord record = *supervisor.fault_record;
  if (supervisor.fault_recorded) {  // for the next boot to show
    record = policy::make_fault_record(record.request, record.phase, record.verdict, {});
  } else {
    record.signature = 0;
  }
  put(supervisor, record);
}

}  // namespace redoubt::supervisor
