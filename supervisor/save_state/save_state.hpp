// SPDX-License-Identifier: BSD-2-Clause-Patent
// Registers of the code that an MMI interrupted, as the processors stored them. Drivers ask by PI's register numbers;
// nothing is read or written that the platform's policy doesn't allow, whatever the foundation wants.
#pragma once

#include <cstdint>

#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// System calls read_save_state and write_save_state (abi/redoubt/syscall.hpp), for the CPU that runs MM. `cpu`,
// `number` (of the register), `width` and `value` come from ring 3.
Result<std::uint64_t, abi::SystemStatus> read_save_state(Supervisor& supervisor, const Cpu& owner, std::uint64_t cpu,
                                                         std::uint64_t number, std::uint64_t width);
abi::SystemStatus write_save_state(Supervisor& supervisor, const Cpu& owner, std::uint64_t cpu, std::uint64_t number,
                                   std::uint64_t width, std::uint64_t value);

// Where the code was that the MMI interrupted on this CPU, in one word.
std::uint64_t interrupted_place(const Supervisor& supervisor, const Cpu& cpu);

// Finds out whose code may have raised the MMI, if that isn't known yet. Before the command port is changed.
void find_raisers(Supervisor& supervisor, const Cpu& owner);

}  // namespace redoubt::supervisor
