// SPDX-License-Identifier: BSD-2-Clause-Patent
// Whether the machine resets, halts or goes on without a driver that failed. A reset must help or end: after the
// message of ExitBootServices it would cost an operating system its work for a failed read of a variable, and a driver
// that fails at each boot would reset for ever. So it is refused there, and for the third time in a row without
// ReadyToBoot in between; drivers that take turns at failing share a second bound.
#pragma once

#include <cstdint>

#include "abi/redoubt/fault_policy.hpp"

namespace redoubt::policy {

// How far the boot is, by the messages that ring 0 saw.
enum class BootPhase : std::uint8_t {
  launch,
  firmware,         // PEI and DXE
  locked,           // from ReadyToLock on
  ready_to_boot,    // its message was answered
  operating_system  // from the message of ExitBootServices on
};
inline constexpr std::uint8_t boot_phase_count = 5;

constexpr const char* to_string(BootPhase phase) {
  switch (phase) {
    case BootPhase::launch: return "launch";
    case BootPhase::firmware: return "firmware";
    case BootPhase::locked: return "locked";
    case BootPhase::ready_to_boot: return "ready_to_boot";
    case BootPhase::operating_system: return "os";
  }
  return "?";
}

// Resets for failed drivers since ReadyToBoot was reached last.
struct ResetHistory {
  abi::Guid driver{};          // for whom the latest was
  std::uint32_t in_a_row = 0;  // for that driver
  std::uint32_t total = 0;     // for all
};

inline constexpr std::uint32_t resets_in_a_row = 2;
inline constexpr std::uint32_t resets_in_total = 6;

enum class StopVerdict : std::uint8_t {
  reset,
  halt,
  closed_by_policy,  // these three: the machine goes on without the driver
  closed_for_system,
  closed_for_loop,
};

constexpr bool goes_on(StopVerdict verdict) { return verdict >= StopVerdict::closed_by_policy; }

// A policy that isn't one is taken for reset: the request was to stop the machine.
constexpr StopVerdict judge_fault(abi::FaultPolicy policy, const abi::Guid& driver, BootPhase phase,
                                  const ResetHistory& history) {
  if (policy == abi::FaultPolicy::disable) {
    return StopVerdict::closed_by_policy;
  }
  if (policy == abi::FaultPolicy::halt) {
    return StopVerdict::halt;
  }
  if (phase == BootPhase::operating_system) {
    return StopVerdict::closed_for_system;
  }
  const bool again = history.driver == driver && history.in_a_row >= resets_in_a_row;
  return again || history.total >= resets_in_total ? StopVerdict::closed_for_loop : StopVerdict::reset;
}

// The same for ring 0 itself. Nothing goes on without it, so that what an operating system was at is lost in any case:
// a reset at least brings the machine back.
constexpr StopVerdict judge_panic(const abi::Guid& supervisor, const ResetHistory& history) {
  return judge_fault(abi::FaultPolicy::reset, supervisor, BootPhase::ready_to_boot, history);
}

constexpr const char* action_of(StopVerdict verdict) {
  return verdict == StopVerdict::reset ? "reset" : verdict == StopVerdict::halt ? "halted" : "closed";
}

constexpr const char* reason_of(StopVerdict verdict) {
  switch (verdict) {
    case StopVerdict::reset: return "its policy";
    case StopVerdict::halt: return "its policy";
    case StopVerdict::closed_by_policy: return "its policy";
    case StopVerdict::closed_for_system: return "an operating system runs";
    case StopVerdict::closed_for_loop: return "resets did not help";
  }
  return "?";
}

// The history after that was done for `driver`.
constexpr ResetHistory history_after(StopVerdict verdict, const ResetHistory& history, const abi::Guid& driver) {
  const std::uint32_t reset = verdict == StopVerdict::reset ? 1 : 0;
  return {.driver = driver,
          .in_a_row = (history.driver == driver ? history.in_a_row : 0) + reset,
          .total = history.total + reset};
}

}  // namespace redoubt::policy
