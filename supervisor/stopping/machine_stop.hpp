// SPDX-License-Identifier: BSD-2-Clause-Patent
// When something failed that the machine isn't safe without: resets it, halts it, or lets it go on closed, as
// policy/fault_verdict.hpp has it, and says so on both consoles. What failed is left for the next boot in the last page
// of MMRAM. The foundation asks for drivers; it may be compromised, and gets no more than a machine that stops, a line
// on the consoles and a record that checks out.
#pragma once

#include "supervisor/domain/domain_calls.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// Takes over what the last boot left, once, before anything of this boot can write there. `memory`: see DirectMap.
void accept_fault_record(Supervisor& supervisor, DirectMap memory = {});

// Comes back if the machine goes on without who failed. `request`: as the foundation wrote it.
void stop_for(Supervisor& supervisor, const Cpu& cpu, abi::StopRequest request);

// The same for the foundation, which a fault has cut off: its policy is reset.
void stop_for_foundation(Supervisor& supervisor, const Cpu& cpu, const Fault& fault);

// The same for ring 0, on any CPU, which sets `panicking` before. Nothing goes on without it: where no reset is left,
// or nothing could be counted, the machine is halted. In two steps, so that what is counted stands before anything is
// said, which takes long and may go wrong.
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
