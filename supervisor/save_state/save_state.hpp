// SPDX-License-Identifier: BSD-2-Clause-Patent
// Registers of the code that an MMI interrupted, as the processors stored them. Drivers ask by PI's register numbers;
// nothing is read or written that the platform's policy doesn't allow, whatever the foundation wants.
#pragma once

#include <cstdint>

#include "abi/redoubt/system_call_arguments.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// Which part of which CPU's save state: as ring 3 asks for it.
struct AskedRegister {
  abi::CpuNumber cpu;
  abi::MmSaveStateRegister number;
  std::uint64_t width;  // bytes
};

// System calls read_save_state and write_save_state (abi/redoubt/syscall.hpp), for the CPU that runs MM.
abi::SystemResult<std::uint64_t> read_save_state(Supervisor& supervisor, const Cpu& leader, AskedRegister asked);
abi::SystemResult<void> write_save_state(Supervisor& supervisor, const Cpu& leader, AskedRegister asked,
                                         std::uint64_t value);

// Where the code was that the MMI interrupted on this CPU, in one word.
std::uint64_t interrupted_place(const Supervisor& supervisor, const Cpu& cpu);

// Finds out whose code may have raised the MMI, if that isn't known yet. Before the command port is changed.
void find_raisers(Supervisor& supervisor, const Cpu& leader);

}  // namespace redoubt::supervisor
