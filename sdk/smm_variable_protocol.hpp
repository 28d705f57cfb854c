// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_SMM_VARIABLE_PROTOCOL (edk2's MdeModulePkg/Include/Protocol/SmmVariable.h): UEFI's four variable services (UEFI
// 2.10, 8.2) for other MM drivers. Its GUID is abi::smm_variable_guid.
#pragma once

#include "abi/pi/communication_protocols.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::sdk {

struct SmmVariableProtocol {
  abi::EfiStatus(EFIAPI* get_variable)(const abi::Char16* name, const abi::Guid* vendor, std::uint32_t* attributes,
                                       abi::UintN* data_size, void* data);
  abi::EfiStatus(EFIAPI* get_next_variable_name)(abi::UintN* name_size, abi::Char16* name, abi::Guid* vendor);
  abi::EfiStatus(EFIAPI* set_variable)(const abi::Char16* name, const abi::Guid* vendor, std::uint32_t attributes,
                                       abi::UintN data_size, const void* data);
  abi::EfiStatus(EFIAPI* query_variable_info)(std::uint32_t attributes, std::uint64_t* maximum_storage_size,
                                              std::uint64_t* remaining_storage_size,
                                              std::uint64_t* maximum_variable_size);
};
static_assert(sizeof(SmmVariableProtocol) == 4 * sizeof(void*));

}  // namespace redoubt::sdk
