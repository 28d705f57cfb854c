// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MM_BASE_PROTOCOL and EFI_MM_CONTROL_PROTOCOL (PI 1.9, volume 4, 5.2.1 and 5.4): how drivers in DXE find MM and
// raise an MMI. Older specifications and edk2 call them EFI_SMM_BASE2_PROTOCOL and EFI_SMM_CONTROL2_PROTOCOL.
#pragma once

#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

struct MmBaseProtocol {
  EfiStatus(EFIAPI* in_mm)(const MmBaseProtocol* self, Boolean* in_mmram);
  EfiStatus(EFIAPI* get_mmst_location)(const MmBaseProtocol* self, MmSystemTable** mmst);
};

// gEfiMmBaseProtocolGuid, gEfiSmmBase2ProtocolGuid.
inline constexpr Guid mm_base_protocol_guid = {
    0xf4ccbfb7, 0xf6e0, 0x47fd, {0x9d, 0xd4, 0x10, 0xa8, 0xf1, 0x50, 0xc1, 0x91}};

struct MmControlProtocol {
  EfiStatus(EFIAPI* trigger)(MmControlProtocol* self, std::uint8_t* command, std::uint8_t* data, Boolean periodic,
                             UintN activation_interval);
  EfiStatus(EFIAPI* clear)(MmControlProtocol* self, Boolean periodic);
  UintN minimum_trigger_period;
};

// gEfiMmControlProtocolGuid, gEfiSmmControl2ProtocolGuid.
inline constexpr Guid mm_control_protocol_guid = {
    0x843dc720, 0xab1e, 0x42cb, {0x93, 0x57, 0x8a, 0x00, 0x78, 0xf3, 0x56, 0x1b}};

}  // namespace redoubt::abi
