// SPDX-License-Identifier: BSD-2-Clause-Patent
// Messages of the lock box, by which DXE keeps data in MM for an S3 resume: edk2's MdeModulePkg/Include/Guid/
// SmmLockBox.h, unchanged from edk2-stable202211 to 202605.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// gEfiSmmLockBoxCommunicationGuid: HeaderGuid of these messages.
inline constexpr Guid lock_box_message_guid = {
    0x2a3cfebd, 0x27e8, 0x4d0a, {0x8b, 0x79, 0xd6, 0x88, 0xc2, 0xa3, 0xe1, 0xc0}};

// EFI_SMM_LOCK_BOX_PARAMETER_HEADER; each command's parameters follow.
struct LockBoxMessageHeader {
  std::uint32_t command;
  std::uint32_t data_length;
  std::uint64_t return_status;
};
static_assert(offsetof(LockBoxMessageHeader, return_status) == 8 && sizeof(LockBoxMessageHeader) == 16);

}  // namespace redoubt::abi
