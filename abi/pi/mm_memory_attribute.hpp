// SPDX-License-Identifier: BSD-2-Clause-Patent
// EDKII_SMM_MEMORY_ATTRIBUTE_PROTOCOL, as edk2 has it for both models (MdeModulePkg/Include/Protocol/
// SmmMemoryAttribute.h); PI 1.9 has no protocol of its own for it. Attributes: UEFI 2.10, 7.2.3.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

namespace memory_attribute {
inline constexpr std::uint64_t read_protect = 0x0000'2000;     // EFI_MEMORY_RP
inline constexpr std::uint64_t execute_protect = 0x0000'4000;  // EFI_MEMORY_XP
inline constexpr std::uint64_t read_only = 0x0002'0000;        // EFI_MEMORY_RO
inline constexpr std::uint64_t all = read_protect | execute_protect | read_only;
}  // namespace memory_attribute

struct MmMemoryAttributeProtocol {
  EfiStatus(EFIAPI* get_memory_attributes)(MmMemoryAttributeProtocol* self, EfiPhysicalAddress base,
                                           std::uint64_t length, std::uint64_t* attributes);
  EfiStatus(EFIAPI* set_memory_attributes)(MmMemoryAttributeProtocol* self, EfiPhysicalAddress base,
                                           std::uint64_t length, std::uint64_t attributes);
  EfiStatus(EFIAPI* clear_memory_attributes)(MmMemoryAttributeProtocol* self, EfiPhysicalAddress base,
                                             std::uint64_t length, std::uint64_t attributes);
};

// gEdkiiSmmMemoryAttributeProtocolGuid.
inline constexpr Guid mm_memory_attribute_protocol_guid = {
    0x69b792ea, 0x39ce, 0x402d, {0xa2, 0xa6, 0xf7, 0x21, 0xde, 0x35, 0x1d, 0xfe}};

}  // namespace redoubt::abi
