// SPDX-License-Identifier: BSD-2-Clause-Patent
// What is kept of the procedure that one CPU runs for the leader (procedures.hpp says how it goes).
#pragma once

#include <atomic>
#include <cstdint>

#include "abi/redoubt/syscall.hpp"
#include "base/address.hpp"
#include "supervisor/transparency/extended_state_keeper.hpp"
#include "supervisor/transparency/host_doors.hpp"

namespace redoubt::supervisor {

enum class ProcedureState : std::uint32_t { idle, posted, running, finished, faulted, stopped, lost };

struct alignas(64) Procedure {
  std::atomic<ProcedureState> state{ProcedureState::idle};
  std::atomic<bool> stop{false};  // wanted

  // Written by the leader before it posts.
  abi::ProcedureCall call{};
  DriverAddress stack_pointer;
  // Written by the CPU before it ends.
  abi::ProcedureEnd end{};

  // The leader's.
  DriverAddress stack_top;       // null: the CPU has no ring-3 stack yet
  std::uint64_t seen_ticks = 0;  // when the CPU was known to be alive

  // The CPU's own. `round`: in which the rest describes it; a CPU that was reset may leave anything behind.
  std::uint32_t round = 0;
  bool entered = false;
  ExtendedStateKeeper extended_state;
  HostDoors host_doors;
};

inline constexpr std::uint64_t procedure_stack_pages = 8;

}  // namespace redoubt::supervisor
