// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/stopping/machine_end.hpp"

#include <algorithm>
#include <cstring>

#include "abi/redoubt/image_names.hpp"
#include "arch/processor.hpp"
#include "platform/board.hpp"
#include "supervisor/report/report.hpp"

namespace redoubt::supervisor {
namespace {

using policy::StopVerdict;

// Of a foundation that asks for stops without end, no more than so many lines are on the serial console: one takes some
// milliseconds.
constexpr std::uint32_t most_stops_told = 16;

// `end`: what becomes of the machine, unless it is to stand still already.
void tell(Supervisor& supervisor, const abi::StopRequest& request, StopVerdict verdict, std::uint32_t in_a_row,
          MachineEnd end) {
  if (supervisor.end.load() == MachineEnd::halt) {
    end = MachineEnd::halt;
  }
  ReportLine line(end == MachineEnd::reset  ? abi::EventName("machine.reset")
                  : end == MachineEnd::halt ? abi::EventName("machine.halted")
                                            : abi::EventName("machine.closed"));
  line.quoted("name", request.name)
      .guid("guid", request.file)
      .word("cause", abi::to_string(request.cause))
      .decimal("vector", request.vector)
      .word("phase", policy::to_string(supervisor.phase))
      .decimal("in_a_row", in_a_row)
      .quoted("reason", policy::reason_of(verdict));
  write(line);
  if (end != MachineEnd::none || supervisor.stops_told++ < most_stops_told) {
    write_console(line, supervisor.phase != policy::BootPhase::operating_system);
  }
}

void put(Supervisor& supervisor, const policy::FaultRecord& record) {
  std::memcpy(supervisor.fault_record, &record, sizeof(record));
  arch::write_back_caches();  // a reset may cost what is in them
}

// One CPU at a time writes the record. A CPU that isn't panicking gives way to the one that is, whose count has to
// stay.
class RecordTurn {
 public:
  explicit RecordTurn(Supervisor& supervisor) : supervisor_(supervisor) {
    while (supervisor_.recording.exchange(true)) {
      if (supervisor_.panicking.load()) {
        end_with_other_panic(supervisor_);
      }
      arch::spin_hint();
    }
    if (supervisor_.panicking.load()) {
      supervisor_.recording.store(false);
      end_with_other_panic(supervisor_);
    }
  }
  ~RecordTurn() { supervisor_.recording.store(false); }
  RecordTurn(const RecordTurn&) = delete;
  RecordTurn& operator=(const RecordTurn&) = delete;

 private:
  Supervisor& supervisor_;
};

// Longer than a record takes; the CPU that panics may be the one whose turn it is.
constexpr std::uint64_t turn_polls = std::uint64_t{1} << 16;
// More than two lines on the slowest console take.
constexpr std::uint64_t other_panic_polls = std::uint64_t{1} << 26;

// A boot resets once at most, so that what it adds is counted from what it found: a stop that was cut off and begun
// again counts once. Returns the resets in a row.
std::uint32_t record_stop(Supervisor& supervisor, const abi::StopRequest& request, StopVerdict verdict) {
  const policy::ResetHistory history = policy::history_after(verdict, supervisor.resets, request.file);
  if (verdict != StopVerdict::reset) {
    supervisor.resets = history;
  }
  supervisor.fault_recorded = true;
  put(supervisor, policy::make_fault_record(request, supervisor.phase, verdict, history));
  return history.in_a_row;
}

// Nothing if the machine is to stand still already.
void decide_reset(Supervisor& supervisor) {
  MachineEnd undecided = MachineEnd::none;
  supervisor.end.compare_exchange_strong(undecided, MachineEnd::reset);
}

}  // namespace

void accept_fault_record(Supervisor& supervisor, DirectMap memory) {
  const PhysicalAddress address(supervisor.launch.mmram_base + supervisor.launch.mmram_size - abi::kept_bytes);
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

abi::StopRequest request_for(const abi::Guid& file, std::string_view name, const Fault& fault) {
  abi::StopRequest request{};
  request.file = file;
  request.rip = fault.rip;
  request.address = fault.address;
  request.vector = static_cast<std::uint32_t>(fault.vector);
  request.policy = abi::FaultPolicy::reset;
  std::memcpy(request.name, name.data(), std::min(name.size(), sizeof(request.name) - 1));
  return request;
}

StopVerdict record_failure(Supervisor& supervisor, abi::StopRequest request) {
  policy::make_sound(request);
  const StopVerdict verdict = policy::judge_fault(request.policy, request.file, supervisor.phase, supervisor.resets);
  if (verdict == StopVerdict::halt) {
    supervisor.end.store(MachineEnd::halt);  // before anything can go wrong
  }
  const std::uint32_t in_a_row = [&] {
    const RecordTurn turn(supervisor);
    return record_stop(supervisor, request, verdict);
  }();
  tell(supervisor, request, verdict, in_a_row, verdict == StopVerdict::reset ? MachineEnd::reset : MachineEnd::none);
  if (verdict == StopVerdict::reset) {
    decide_reset(supervisor);
    end_machine(supervisor);
  }
  return verdict;
}

PanicStop record_panic(Supervisor& supervisor, const Fault& fault) {
  PanicStop stop{.request = request_for(abi::image_names::supervisor, abi::image_names::supervisor_name, fault)};
  stop.decided = supervisor.end.load() != MachineEnd::none;
  const bool counted = supervisor.fault_record != nullptr;
  if (stop.decided) {
    return stop;
  }
  stop.verdict = policy::judge_panic(stop.request.file, supervisor.resets);
  if (!counted || stop.verdict != StopVerdict::reset) {
    supervisor.end.store(MachineEnd::halt);
  }
  if (counted) {
    for (std::uint64_t polls = 0; polls < turn_polls && supervisor.recording.exchange(true); ++polls) {
      arch::spin_hint();
    }
    stop.in_a_row = record_stop(supervisor, stop.request, stop.verdict);
    supervisor.recording.store(false);
  }
  return stop;
}

void end_panic(Supervisor& supervisor, const PanicStop& stop) {
  if (!stop.decided) {
    tell(supervisor, stop.request, stop.verdict, stop.in_a_row, MachineEnd::reset);
    decide_reset(supervisor);
    // Who is outside comes in, to stand still as well; in the launch others have nowhere to come to yet.
    if (supervisor.end.load() == MachineEnd::halt && supervisor.phase != policy::BootPhase::launch) {
      platform::raise_mmi_everywhere();
    }
  }
  end_machine(supervisor);
}

void end_with_other_panic(Supervisor& supervisor) {
  for (std::uint64_t polls = 0; polls < other_panic_polls && supervisor.end.load() == MachineEnd::none; ++polls) {
    arch::spin_hint();
  }
  MachineEnd undecided = MachineEnd::none;
  supervisor.end.compare_exchange_strong(undecided, MachineEnd::halt);
  end_machine(supervisor);
}

void end_machine(Supervisor& supervisor) {
  if (supervisor.end.load() == MachineEnd::reset) {
    platform::reset();
  }
  arch::halt();
}

void forget_resets(Supervisor& supervisor) {
  const RecordTurn turn(supervisor);
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
