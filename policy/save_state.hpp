// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which registers of the interrupted code MM drivers may read and write. What no rule names is denied. The rules are a
// platform's (platform/q35/platform.hpp); the supervisor asks before it touches a save state, and nobody else does.
//
// A register of the caller is a parameter of his; one of somebody who was merely interrupted is a secret. So the
// condition that matters is whose code it was: an MMI is raised by ring 0, where I/O is allowed, and what a CPU did in
// ring 3 when it was called in belongs to a user of the operating system.
#pragma once

#include <cstdint>
#include <span>

#include "abi/pi/mm_cpu.hpp"

namespace redoubt::policy {

enum class SaveStateCondition : std::uint8_t {
  never,
  interrupted_in_ring_0,  // the code that the MMI interrupted on this CPU ran in ring 0
  always,
};

// For registers first to last.
struct SaveStateRule {
  abi::MmSaveStateRegister first;
  abi::MmSaveStateRegister last;
  SaveStateCondition read;
  SaveStateCondition write;
};

struct SaveStateRequest {
  abi::MmSaveStateRegister reg;
  bool write;
  unsigned interrupted_privilege;  // of the code that the MMI interrupted: ring number
};

enum class Verdict : std::uint8_t { deny, allow };

constexpr bool holds(SaveStateCondition condition, const SaveStateRequest& request) {
  switch (condition) {
    case SaveStateCondition::never: return false;
    case SaveStateCondition::interrupted_in_ring_0: return request.interrupted_privilege == 0;
    case SaveStateCondition::always: return true;
  }
  return false;
}

// The first rule that names the register decides.
constexpr Verdict decide(std::span<const SaveStateRule> rules, const SaveStateRequest& request) {
  for (const SaveStateRule& rule : rules) {
    if (request.reg >= rule.first && request.reg <= rule.last) {
      return holds(request.write ? rule.write : rule.read, request) ? Verdict::allow : Verdict::deny;
    }
  }
  return Verdict::deny;
}

}  // namespace redoubt::policy
