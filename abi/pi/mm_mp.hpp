// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MM_MP_PROTOCOL (PI 1.9, volume 4, chapter 4): procedures on other processors that are in MM. A token is what edk2
// and every driver built with it take it for: the call is a non-blocking one if `token` isn't null, and what it points
// to receives a value that names the call in check_for_procedure and wait_for_procedure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// gEfiMmMpProtocolGuid.
inline constexpr Guid mm_mp_protocol_guid = {
    0x5d5450d7, 0x990c, 0x4180, {0xa8, 0x03, 0x8e, 0x63, 0xf0, 0x60, 0x83, 0x07}};

using MmCompletion = void*;
// EFI_AP_PROCEDURE2 and EFI_AP_PROCEDURE.
using MmProcedure = EfiStatus(EFIAPI*)(void* argument);
using MmStartupProcedure = void(EFIAPI*)(void* argument);

struct MmMpProtocol {
  static constexpr std::uint32_t current_revision = 0;
  static constexpr std::uint32_t timeout_supported = 1;  // in `attributes`

  std::uint32_t revision;
  std::uint32_t attributes;
  EfiStatus(EFIAPI* get_number_of_processors)(const MmMpProtocol* self, UintN* number);
  EfiStatus(EFIAPI* dispatch_procedure)(const MmMpProtocol* self, MmProcedure procedure, UintN cpu,
                                        UintN timeout_microseconds, void* argument, MmCompletion* token,
                                        EfiStatus* cpu_status);
  EfiStatus(EFIAPI* broadcast_procedure)(const MmMpProtocol* self, MmProcedure procedure, UintN timeout_microseconds,
                                         void* argument, MmCompletion* token, EfiStatus* cpu_status);
  EfiStatus(EFIAPI* set_startup_procedure)(const MmMpProtocol* self, MmStartupProcedure procedure, void* argument);
  EfiStatus(EFIAPI* check_for_procedure)(const MmMpProtocol* self, MmCompletion token);
  EfiStatus(EFIAPI* wait_for_procedure)(const MmMpProtocol* self, MmCompletion token);
};
#if defined(__x86_64__)
static_assert(offsetof(MmMpProtocol, get_number_of_processors) == 8 && sizeof(MmMpProtocol) == 56);
#endif

}  // namespace redoubt::abi
