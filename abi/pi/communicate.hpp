// SPDX-License-Identifier: BSD-2-Clause-Patent
// What crosses between the host and MM: the communicate headers (PI 1.9, volume 4, 5.7 and
// EFI_MM_COMMUNICATE_HEADER_V3), the fixed communication buffer and its status page (as edk2's Standalone MM describes
// them in MdeModulePkg/Include/Guid/MmCommBuffer.h). The host can write everything here at any time; MM reads each
// field once.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// EFI_MM_COMMUNICATE_HEADER as MM, which is 64-bit, sees it. A 32-bit PEIM has its MessageLength in 4 bytes and
// its data at offset 20.
struct CommunicateHeader {
  Guid header_guid;
  std::uint64_t message_length;  // bytes of data after this header
};
static_assert(sizeof(CommunicateHeader) == 24 && offsetof(CommunicateHeader, message_length) == 16);

// EFI_MM_COMMUNICATE_HEADER_V3.
struct CommunicateHeaderV3 {
  Guid header_guid;           // communicate_header_v3_guid
  std::uint64_t buffer_size;  // bytes of the whole buffer, this header included
  std::uint64_t reserved;
  Guid message_guid;
  std::uint64_t message_size;  // bytes of data after this header
};
static_assert(sizeof(CommunicateHeaderV3) == 56 && offsetof(CommunicateHeaderV3, message_guid) == 32 &&
              offsetof(CommunicateHeaderV3, message_size) == 48);

// gEfiMmCommunicateHeaderV3Guid.
inline constexpr Guid communicate_header_v3_guid = {
    0x68e8c853, 0x2ba9, 0x4dd7, {0x9a, 0xc0, 0x91, 0xe1, 0x61, 0x55, 0xc9, 0x35}};

// gMmCommBufferHobGuid: the GUIDed HOB whose data is a CommBufferDescription.
inline constexpr Guid comm_buffer_hob_guid = {
    0x6c2a2520, 0x0131, 0x4aee, {0xa7, 0x50, 0xcc, 0x38, 0x4a, 0xac, 0xe8, 0xc6}};

// MM_COMM_BUFFER.
struct CommBufferDescription {
  EfiPhysicalAddress physical_start;  // 4 KiB aligned
  std::uint64_t number_of_pages;      // of 4 KiB
  EfiPhysicalAddress status;          // of a CommBufferStatus
};
static_assert(sizeof(CommBufferDescription) == 24);

// MM_COMM_BUFFER_STATUS.
struct CommBufferStatus {
  Boolean is_comm_buffer_valid;  // set by the caller before the MMI, cleared by MM after it: also the mailbox's lock
  std::uint8_t reserved[7];
  std::uint64_t return_status;       // EFI_STATUS of a 64-bit MM
  std::uint64_t return_buffer_size;  // bytes in the buffer, header included
};
static_assert(sizeof(CommBufferStatus) == 24 && offsetof(CommBufferStatus, return_status) == 8 &&
              offsetof(CommBufferStatus, return_buffer_size) == 16);

}  // namespace redoubt::abi
