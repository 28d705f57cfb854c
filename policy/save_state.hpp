// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which registers of the interrupted code MM drivers may read and write. What no rule names is denied. The rules are a
// board's (platform/<board>/grants.hpp); the supervisor alone asks, before it touches a save state.
//
// A register of the caller is its parameter. A register of code that was merely interrupted is a secret, and a handle
// on that code. So the condition that matters is whether the interrupted code asked for this MMI, which only ring 0
// can, where I/O is allowed.
#pragma once

#include <cstdint>
#include <span>

#include "abi/pi/mm_cpu.hpp"

namespace redoubt::policy {

// Whether the code that the MMI interrupted on a CPU raised it, by writing to the command port. Processors that store
// what I/O instruction was under way say so; others leave a guess.
enum class Raiser : std::uint8_t { no, perhaps, certainly };

enum class SaveStateCondition : std::uint8_t {
  never,
  perhaps_raiser,
  certain_raiser,
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
  Raiser raiser;
};

enum class Verdict : std::uint8_t { deny, allow };

constexpr bool holds(SaveStateCondition condition, const SaveStateRequest& request) {
  switch (condition) {
    case SaveStateCondition::never: return false;
    case SaveStateCondition::perhaps_raiser: return request.raiser != Raiser::no;
    case SaveStateCondition::certain_raiser: return request.raiser == Raiser::certainly;
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
