// SPDX-License-Identifier: BSD-2-Clause-Patent
// Status codes in MM: EFI_MM_STATUS_CODE_PROTOCOL (PI 1.9, volume 4, 4.2), through which drivers report, and the report
// status code handler protocol of MM (PI 1.9, volume 3, 7.2), through which others hear of it.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// EFI_STATUS_CODE_DATA (PI 1.9, volume 3, chapter 6); `size` bytes follow after `header_size` bytes.
struct StatusCodeData {
  std::uint16_t header_size;
  std::uint16_t size;
  Guid type;
};
static_assert(sizeof(StatusCodeData) == 20);

struct MmStatusCodeProtocol {
  EfiStatus(EFIAPI* report_status_code)(const MmStatusCodeProtocol* self, std::uint32_t type, std::uint32_t value,
                                        std::uint32_t instance, const Guid* caller, StatusCodeData* data);
};

// gEfiMmStatusCodeProtocolGuid.
inline constexpr Guid mm_status_code_protocol_guid = {
    0x6afd2b77, 0x98c1, 0x4acd, {0xa6, 0xf9, 0x8a, 0x94, 0x39, 0xde, 0x0f, 0xb1}};

using StatusCodeHandler = EfiStatus(EFIAPI*)(std::uint32_t type, std::uint32_t value, std::uint32_t instance,
                                             Guid* caller, StatusCodeData* data);

struct MmRscHandlerProtocol {
  EfiStatus(EFIAPI* register_handler)(StatusCodeHandler handler);
  EfiStatus(EFIAPI* unregister_handler)(StatusCodeHandler handler);
};

// gEfiMmRscHandlerProtocolGuid.
inline constexpr Guid mm_rsc_handler_protocol_guid = {
    0x2ff29fa7, 0x5e80, 0x4ed9, {0xb3, 0x80, 0x01, 0x7d, 0x3c, 0x55, 0x4f, 0xf4}};

#if defined(__x86_64__)
static_assert(sizeof(MmStatusCodeProtocol) == 8 && sizeof(MmRscHandlerProtocol) == 16);
#endif

}  // namespace redoubt::abi
