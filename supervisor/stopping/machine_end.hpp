// SPDX-License-Identifier: BSD-2-Clause-Patent
// How the machine ends when something failed that it isn't safe without, as policy/fault_verdict.hpp has it, and what
// is left of that for the next boot, in the last page of MMRAM. Both consoles are told. Who stops the other CPUs first
// is machine_stop.hpp's.
#pragma once

#include <string_view>

#include "supervisor/domain/fault.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// Takes over what the last boot left, once, before anything of this boot can write there. `memory`: see DirectMap.
void accept_fault_record(Supervisor& supervisor, DirectMap memory = {});

// What to ask for when a part of MM itself failed, whose policy is reset. `name` fits into StopRequest::name.
abi::StopRequest request_for(const abi::Guid& file, std::string_view name, const Fault& fault);

// Judges what a failed driver costs the machine, records and tells it, and resets the machine if that is the verdict;
// a halt, which is recorded for all CPUs, is the caller's to carry out on this one. `request`: as the foundation wrote
// it.
[[nodiscard]] policy::StopVerdict record_failure(Supervisor& supervisor, abi::StopRequest request);

// For a failure of ring 0, on any CPU, which sets `panicking` before. Nothing goes on without it: where no reset is
// left, or nothing could be counted, the machine is halted. In two steps, so that what is counted stands before
// anything is said, which takes long and may go wrong.
struct PanicStop {
  abi::StopRequest request{};
  policy::StopVerdict verdict = policy::StopVerdict::closed_for_loop;
  std::uint32_t in_a_row = 0;
  bool decided = false;  // by the CPU that came first; nothing is left to say
};
PanicStop record_panic(Supervisor& supervisor, const Fault& fault);
[[noreturn]] void end_panic(Supervisor& supervisor, const PanicStop& stop);

// For a CPU that comes to something when another panics, or to a panic in its own panic: waits for the end that the
// panic decides. If none comes it isn't known how far it got, so that no reset may follow.
[[noreturn]] void end_with_other_panic(Supervisor& supervisor);

// What was decided, on this CPU.
[[noreturn]] void end_machine(Supervisor& supervisor);

// ReadyToBoot was reached: what was reset for before doesn't count any more.
void forget_resets(Supervisor& supervisor);

}  // namespace redoubt::supervisor
