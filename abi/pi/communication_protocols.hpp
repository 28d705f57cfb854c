// SPDX-License-Identifier: BSD-2-Clause-Patent
// The three MM Communication protocols of DXE (PI 1.9, volume 4, 5.7 and the sections on versions 2 and 3), and the
// two protocols by which MM's variable driver tells DXE that it is up (edk2, MdeModulePkg).
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// EFI_MM_COMMUNICATION_PROTOCOL. EFI_SMM_COMMUNICATION_PROTOCOL of PI 1.4 is the same GUID and layout.
struct MmCommunication {
  EfiStatus(EFIAPI* communicate)(const MmCommunication* self, void* buffer, UintN* size);
};

// EFI_MM_COMMUNICATION2_PROTOCOL.
struct MmCommunication2 {
  EfiStatus(EFIAPI* communicate)(const MmCommunication2* self, void* physical_buffer, void* virtual_buffer,
                                 UintN* size);
};

// EFI_MM_COMMUNICATION3_PROTOCOL.
struct MmCommunication3 {
  EfiStatus(EFIAPI* communicate)(const MmCommunication3* self, void* physical_buffer, void* virtual_buffer);
};

inline constexpr Guid mm_communication_protocol_guid = {
    0xc68ed8e2, 0x9dc6, 0x4cbd, {0x9d, 0x94, 0xdb, 0x65, 0xac, 0xc5, 0xc3, 0x32}};
inline constexpr Guid mm_communication2_protocol_guid = {
    0x378daedc, 0xf06b, 0x4446, {0x83, 0x14, 0x40, 0xab, 0x93, 0x3c, 0x87, 0xa3}};
inline constexpr Guid mm_communication3_protocol_guid = {
    0xf7234a14, 0x0df2, 0x46c0, {0xad, 0x28, 0x90, 0xe6, 0xb8, 0x83, 0xa7, 0x2f}};

// gEfiSmmVariableProtocolGuid: as a DXE protocol "variables can be read"; as a HeaderGuid the variable driver itself.
inline constexpr Guid smm_variable_guid = {
    0xed32d533, 0x99e6, 0x4209, {0x9c, 0xc0, 0x2d, 0x72, 0xcd, 0xd9, 0x98, 0xa7}};
// gSmmVariableWriteGuid: "variables can be written".
inline constexpr Guid smm_variable_write_guid = {
    0x93ba1826, 0xdffb, 0x45dd, {0x82, 0xa7, 0xe7, 0xdc, 0xaa, 0x3b, 0xbd, 0xf3}};

}  // namespace redoubt::abi
