// SPDX-License-Identifier: BSD-2-Clause-Patent
// Pointers of drivers: *Token and CPUStatus are written before anything starts, so that a wrong one is an error of the
// call; a procedure's own result reaches CPUStatus without the foundation, when it returns.
#include "foundation/processors/processors.hpp"

#include "foundation/efi_status.hpp"
#include "foundation/log_line.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::ProcessorState;
using abi::SystemStatus;

// How long a procedure may go on after the last handler: in microseconds, and in ticks of a clock of unknown rate.
constexpr std::uint64_t grace_microseconds = 1'000'000;
constexpr std::uint64_t grace_ticks = std::uint64_t{1} << 31;

constexpr std::size_t finished_limit = 256;  // tokens kept of one driver for calls that are over

}  // namespace

Result<void> Processors::create(std::uint64_t cpu_count, std::uint32_t ticks_per_microsecond) {
  const auto memory = supervisor_.allocate_pages(pages_for(cpu_count * sizeof(Processor)), {});
  if (!memory.has_value()) return std::unexpected(Error::out_of_memory);
  processors_ = at_address<Processor>(*memory);
  cpu_count_ = cpu_count;
  ticks_per_microsecond_ = ticks_per_microsecond;
  return {};
}

std::uint64_t Processors::ticks_of(std::uint64_t microseconds) const {
  std::uint64_t ticks = 0;
  return __builtin_mul_overflow(microseconds, std::uint64_t{ticks_per_microsecond_}, &ticks) ? UINT64_MAX : ticks;
}

// ---- Services ----

EfiStatus Processors::startup_this_ap(std::uint64_t procedure, std::uint64_t cpu, std::uint64_t argument,
                                      DriverNumber owner) {
  // PI 1.9, volume 4, MmStartupThisAp: EFI_INVALID_PARAMETER for arguments out of range, for a CPU that "is not
  // available on this MMI invocation" and for one that "cannot support an additional service invocation".
  if (procedure == 0 || cpu >= cpu_count_ || cpu == current_ || !settle(cpu)) return abi::status::invalid_parameter;
  Completion completion;
  const EfiStatus status = start(cpu, {procedure, argument, 0, owner}, 0, completion);
  if (status == abi::status::not_ready) return abi::status::invalid_parameter;
  return status != abi::status::success ? status : wait_for(completion);
}

EfiStatus Processors::get_number_of_processors(std::uint64_t number_address) {
  if (number_address == 0 || !memory_.write(number_address, cpu_count_)) return abi::status::invalid_parameter;
  return abi::status::success;
}

Completion* Processors::find(std::uint64_t token, DriverNumber caller) {
  Completion* completion = completions_.find(token);
  if (completion == nullptr || (completion->owner != caller && completion->maker != caller)) return nullptr;
  return completion;
}

EfiStatus Processors::open_token(std::uint64_t token_address, const ProcedureParties& parties, Completion*& named) {
  if (token_address == 0) return abi::status::success;
  const auto token = memory_.read<std::uint64_t>(token_address);
  if (!token.has_value()) return abi::status::invalid_parameter;
  if (const Completion* known = find(*token, parties.maker); known != nullptr) {
    settle_all(*known);
    if (known->pending != 0) return abi::status::already_started;
  }
  if (completions_.size() >= finished_limit) {
    std::size_t finished = 0;
    const auto is_own = [&](const Completion& completion) {
      return completion.maker == parties.maker && completion.pending == 0;
    };
    completions_.for_each([&](const Completion& completion) { finished += is_own(completion) ? 1 : 0; });
    completions_.for_each([&](Completion& completion) {
      if (finished >= finished_limit && is_own(completion)) completions_.release(completion);
    });
  }
  named = completions_.acquire();
  if (named == nullptr) return abi::status::out_of_resources;
  if (!memory_.write(token_address, completions_.token(*named))) {
    completions_.release(*named);
    named = nullptr;
    return abi::status::invalid_parameter;
  }
  named->owner = parties.owner;
  named->maker = parties.maker;
  return abi::status::success;
}

EfiStatus Processors::dispatch(std::uint64_t procedure, std::uint64_t cpu, std::uint64_t timeout,
                               std::uint64_t argument, std::uint64_t token_address, std::uint64_t status_address,
                               ProcedureParties parties) {
  if (procedure == 0 || cpu >= cpu_count_ || cpu == current_) return abi::status::invalid_parameter;
  if (timeout != 0 && ticks_per_microsecond_ == 0) return abi::status::invalid_parameter;
  if (!settle(cpu)) return abi::status::not_ready;
  abi::ProcedureEnd none{};
  const auto state = supervisor_.check_procedure(abi::CpuNumber{cpu}, none);
  if (!state.has_value() || *state == ProcessorState::absent) return abi::status::invalid_parameter;

  Completion* named = nullptr;
  if (const EfiStatus status = open_token(token_address, parties, named); status != abi::status::success) return status;
  Completion blocking;
  EfiStatus status = abi::status::invalid_parameter;
  if (status_address == 0 || memory_.write(status_address, EfiStatus{abi::status::not_ready})) {
    status =
        start(cpu, {procedure, argument, timeout, parties.owner}, status_address, named != nullptr ? *named : blocking);
  }
  if (named != nullptr) {
    if (status != abi::status::success) completions_.release(*named);
    return status;
  }
  return status != abi::status::success ? status : wait_for(blocking);
}

EfiStatus Processors::broadcast(std::uint64_t procedure, std::uint64_t timeout, std::uint64_t argument,
                                std::uint64_t token_address, std::uint64_t status_address, ProcedureParties parties) {
  if (procedure == 0 || (timeout != 0 && ticks_per_microsecond_ == 0)) return abi::status::invalid_parameter;
  for (std::uint64_t cpu = 0; cpu < cpu_count_; ++cpu) {
    if (!settle(cpu)) return abi::status::not_ready;
  }
  Completion* named = nullptr;
  if (const EfiStatus status = open_token(token_address, parties, named); status != abi::status::success) return status;
  Completion blocking;
  Completion& completion = named != nullptr ? *named : blocking;

  // First every element of CPUStatus, then the first procedure. Excluded CPUs: EFI_NOT_STARTED.
  EfiStatus status = abi::status::success;
  const auto held = [this](std::uint64_t cpu) {
    abi::ProcedureEnd none{};
    const auto state = supervisor_.check_procedure(abi::CpuNumber{cpu}, none);
    return cpu != current_ && state.has_value() && *state == ProcessorState::idle;
  };
  for (std::uint64_t cpu = 0; status_address != 0 && cpu < cpu_count_ && status == abi::status::success; ++cpu) {
    const EfiStatus before = held(cpu) ? abi::status::not_ready : abi::status::not_started;
    if (!memory_.write(status_address + cpu * sizeof(EfiStatus), before)) status = abi::status::invalid_parameter;
  }
  for (std::uint64_t cpu = 0; cpu < cpu_count_ && status == abi::status::success; ++cpu) {
    if (!held(cpu)) continue;
    const std::uint64_t own_status = status_address == 0 ? 0 : status_address + cpu * sizeof(EfiStatus);
    status = start(cpu, {procedure, argument, timeout, parties.owner}, own_status, completion);
  }
  if (status != abi::status::success) {
    // Where one CPU can't run it, none does.
    for (std::uint64_t cpu = 0; cpu < cpu_count_; ++cpu) {
      if (processors_[cpu].busy && processors_[cpu].completion == &completion) look(cpu, "broadcast failed");
    }
    if (named != nullptr) completions_.release(*named);
    return status;
  }
  return named != nullptr ? abi::status::success : wait_for(blocking);
}

EfiStatus Processors::set_startup_procedure(std::uint64_t procedure, std::uint64_t argument, DriverNumber owner) {
  // NULL takes the procedure back; then an argument makes no sense.
  if (procedure == 0 && argument != 0) return abi::status::invalid_parameter;
  if (startup_owner_ != foundation_itself && startup_owner_ != owner) return abi::status::access_denied;
  startup_procedure_ = procedure;
  startup_argument_ = argument;
  startup_owner_ = procedure != 0 ? owner : foundation_itself;
  return abi::status::success;
}

EfiStatus Processors::check(std::uint64_t token, DriverNumber caller) {
  if (token == 0) return abi::status::invalid_parameter;
  const Completion* completion = find(token, caller);
  if (completion == nullptr) return abi::status::not_found;
  settle_all(*completion);
  return completion->pending == 0 ? abi::status::success : abi::status::not_ready;
}

EfiStatus Processors::wait(std::uint64_t token, DriverNumber caller) {
  EfiStatus status = check(token, caller);
  while (status == abi::status::not_ready) status = check(token, caller);
  return status;
}

// ---- Procedures ----

EfiStatus Processors::start(std::uint64_t cpu, const Request& request, std::uint64_t status_address,
                            Completion& completion) {
  const abi::ProcedureCall call{request.procedure, request.argument, status_address, request.owner, 0};
  switch (const SystemStatus status = status_of_call(supervisor_.start_procedure(abi::CpuNumber{cpu}, call)); status) {
    case SystemStatus::ok: break;
    case SystemStatus::not_found: return abi::status::invalid_parameter;  // not in this MMI
    default: return to_efi_status(status);
  }
  Processor& processor = processors_[cpu];
  processor.busy = true;
  processor.driver = request.owner;
  processor.status_address = status_address;
  processor.start = supervisor_.ticks();
  processor.limit = ticks_of(request.timeout);
  processor.completion = &completion;
  ++completion.pending;
  ++busy_;
  return abi::status::success;
}

Processors::Outcome Processors::look(std::uint64_t cpu, const char* stop_reason) {
  Processor& processor = processors_[cpu];
  abi::ProcedureEnd end{};
  auto state = supervisor_.check_procedure(abi::CpuNumber{cpu}, end);
  const bool timed_out = stop_reason == nullptr && expired(processor);
  if (state.has_value() && *state == ProcessorState::running) {
    if (stop_reason == nullptr && !timed_out) return Outcome::running;
    static_cast<void>(supervisor_.stop_procedure(abi::CpuNumber{cpu}));
    state = supervisor_.check_procedure(abi::CpuNumber{cpu}, end);
  }
  if (end.refused != 0) {
    supervisor_.log(LogLine("procedure.refused")
                        .decimal("driver", processor.driver)
                        .decimal("cpu", cpu)
                        .decimal("service", end.refused - 1)
                        .view());
  }
  switch (state.value_or(ProcessorState::lost)) {
    case ProcessorState::finished: complete(cpu, end.result, true); return Outcome::ended;
    case ProcessorState::stopped:
      supervisor_.log(LogLine("procedure.stopped")
                          .decimal("driver", processor.driver)
                          .decimal("cpu", cpu)
                          .hexadecimal("rip", end.rip)
                          .quoted("reason", timed_out ? "timeout" : stop_reason)
                          .view());
      processor.completion->timed_out |= timed_out;
      complete(cpu, timed_out ? abi::status::timeout : abi::status::aborted, false);
      return Outcome::stopped;
    case ProcessorState::faulted:
      note_fault(cpu, end, false);
      processor.completion->failed = true;
      complete(cpu, abi::status::device_error, false);
      return Outcome::ended;
    default:
      processor.completion->failed = true;
      complete(cpu, abi::status::aborted, false);
      return Outcome::ended;
  }
}

void Processors::note_fault(std::uint64_t cpu, const abi::ProcedureEnd& end, bool left_running) {
  Processor& processor = processors_[cpu];
  processor.faulted = true;
  processor.left_running = left_running;
  processor.fault = end;
  processor.fault_driver = processor.driver;
  ++faults_;
}

void Processors::complete(std::uint64_t cpu, EfiStatus status, bool by_procedure) {
  Processor& processor = processors_[cpu];
  processor.busy = false;
  --busy_;
  --processor.completion->pending;
  processor.completion = nullptr;
  // It was writable when the procedure started; a driver that freed it meanwhile learns nothing.
  if (!by_procedure && processor.status_address != 0) memory_.write(processor.status_address, status);
}

void Processors::settle_all(const Completion& completion) {
  for (std::uint64_t cpu = 0; completion.pending != 0 && cpu < cpu_count_; ++cpu) {
    if (processors_[cpu].busy && processors_[cpu].completion == &completion) static_cast<void>(settle(cpu));
  }
}

EfiStatus Processors::wait_for(const Completion& completion) {
  while (completion.pending != 0) settle_all(completion);
  if (completion.failed) return abi::status::device_error;
  return completion.timed_out ? abi::status::timeout : abi::status::success;
}

void Processors::finish() {
  const std::uint64_t grace = ticks_per_microsecond_ != 0 ? ticks_of(grace_microseconds) : grace_ticks;
  const std::uint64_t start = supervisor_.ticks();
  while (busy_ != 0) {
    const bool over = supervisor_.ticks() - start >= grace;
    for (std::uint64_t cpu = 0; cpu < cpu_count_; ++cpu) {
      if (!processors_[cpu].busy) continue;
      if (look(cpu, over ? "left running" : nullptr) == Outcome::stopped && over) note_fault(cpu, {}, true);
    }
  }
  completions_.for_each([this](Completion& completion) { completions_.release(completion); });
}

void Processors::stop_driver(DriverNumber driver) {
  for (std::uint64_t cpu = 0; busy_ != 0 && cpu < cpu_count_; ++cpu) {
    if (processors_[cpu].busy && processors_[cpu].driver == driver) look(cpu, "its driver is gone");
  }
  if (startup_owner_ == driver) static_cast<void>(set_startup_procedure(0, 0, driver));
}

std::optional<ProcedureFault> Processors::take_fault() {
  for (std::uint64_t cpu = 0; faults_ != 0 && cpu < cpu_count_; ++cpu) {
    Processor& processor = processors_[cpu];
    if (!processor.faulted) continue;
    processor.faulted = false;
    --faults_;
    return ProcedureFault{processor.fault_driver, cpu, processor.fault, processor.left_running};
  }
  return std::nullopt;
}

}  // namespace redoubt::foundation
