// SPDX-License-Identifier: BSD-2-Clause-Patent
// The PPI with which PEIMs read and write variables once MM runs: the variable services of UEFI 2.10, 8.2, in the form
// of a PPI. Reads are those of EFI_PEI_READ_ONLY_VARIABLE2_PPI. The PPI is installed when the driver in MM answers, and
// is gone with PEI.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

struct VariablePpi {
  static constexpr Guid guid = {0x9b1b6b0d, 0x5a3e, 0x4f6c, {0x8c, 0x21, 0x72, 0x64, 0x6f, 0x75, 0x62, 0x74}};

  // GetVariable(). `attributes` may be null, and `data` when *size is 0. *size becomes the variable's size, with
  // EFI_BUFFER_TOO_SMALL too.
  EfiStatus(EFIAPI* get_variable)(const VariablePpi*, const Char16* name, const Guid* vendor, std::uint32_t* attributes,
                                  UintN* size, void* data);
  // GetNextVariableName(). *name_size is the room at `name` in bytes.
  EfiStatus(EFIAPI* get_next_variable_name)(const VariablePpi*, UintN* name_size, Char16* name, Guid* vendor);
  // SetVariable().
  EfiStatus(EFIAPI* set_variable)(const VariablePpi*, const Char16* name, const Guid* vendor, std::uint32_t attributes,
                                  UintN size, const void* data);
  // QueryVariableInfo().
  EfiStatus(EFIAPI* query_variable_info)(const VariablePpi*, std::uint32_t attributes,
                                         std::uint64_t* maximum_storage_size, std::uint64_t* remaining_storage_size,
                                         std::uint64_t* maximum_variable_size);
  // All of them: EFI_INVALID_PARAMETER for a null pointer or a name too long to be one, EFI_NOT_READY when another
  // message is with MM, EFI_DEVICE_ERROR when MM doesn't answer or nonsense, and what the services themselves return.
};

}  // namespace redoubt::abi
