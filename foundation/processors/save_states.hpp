// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MM_CPU_PROTOCOL (PI 1.9, volume 4, 4.3): registers of interrupted code, as far as the supervisor's policy gives
// them away. Which registers there are, and on which CPUs, is the supervisor's knowledge; here are PI's arguments and
// formats.
//
// Statuses beyond the specification's: EFI_ACCESS_DENIED when policy says no, EFI_UNSUPPORTED for a register that can't
// be written (the description of WriteSaveState has it, its table of statuses doesn't).
#pragma once

#include <cstdint>

#include "abi/uefi/types.hpp"
#include "foundation/driver_memory.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

class SaveStates {
 public:
  constexpr explicit SaveStates(Supervisor& supervisor) : supervisor_(supervisor), memory_(supervisor) {}

  void create(std::uint64_t cpu_count) { cpu_count_ = cpu_count; }

  // Services: arguments as they came from a driver.
  abi::EfiStatus read(std::uint64_t width, std::uint32_t number, std::uint64_t cpu, std::uint64_t buffer);
  abi::EfiStatus write(std::uint64_t width, std::uint32_t number, std::uint64_t cpu, std::uint64_t buffer);

 private:
  abi::EfiStatus read_io(std::uint64_t width, std::uint64_t cpu, std::uint64_t buffer);

  Supervisor& supervisor_;
  DriverMemory memory_;
  std::uint64_t cpu_count_ = 0;
};

}  // namespace redoubt::foundation
