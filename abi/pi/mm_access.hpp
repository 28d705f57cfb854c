// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MM_ACCESS_PROTOCOL and EFI_MM_CONFIGURATION_PROTOCOL (PI 1.9, volume 4, 5.3 and 5.5), which the specification
// means for DXE drivers that set MM up. In MM they only tell how things stand: nothing that they could set up is open
// any more when the first driver runs.
#pragma once

#include "abi/pi/hob.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

struct MmAccessProtocol {
  EfiStatus(EFIAPI* open)(MmAccessProtocol* self);
  EfiStatus(EFIAPI* close)(MmAccessProtocol* self);
  EfiStatus(EFIAPI* lock)(MmAccessProtocol* self);
  EfiStatus(EFIAPI* get_capabilities)(const MmAccessProtocol* self, UintN* map_size, MmramDescriptor* map);
  Boolean lock_state;
  Boolean open_state;
};

// gEfiMmAccessProtocolGuid.
inline constexpr Guid mm_access_protocol_guid = {
    0xc2702b74, 0x800c, 0x4131, {0x87, 0x46, 0x8f, 0xb5, 0xb8, 0x9c, 0xe4, 0xac}};

// EFI_MM_RESERVED_MMRAM_REGION; a size of 0 ends an array of them.
struct MmReservedMmramRegion {
  EfiPhysicalAddress start;
  std::uint64_t size;
};
static_assert(sizeof(MmReservedMmramRegion) == 16);

struct MmConfigurationProtocol {
  MmReservedMmramRegion* reserved_regions;
  EfiStatus(EFIAPI* register_mm_entry)(const MmConfigurationProtocol* self, void* entry_point);
};

// gEfiMmConfigurationProtocolGuid.
inline constexpr Guid mm_configuration_protocol_guid = {
    0x26eeb3de, 0xb689, 0x492e, {0x80, 0xf0, 0xbe, 0x8b, 0xd7, 0xda, 0x4b, 0xa7}};

#if defined(__x86_64__)
static_assert(sizeof(MmAccessProtocol) == 40 && offsetof(MmAccessProtocol, lock_state) == 32 &&
              offsetof(MmAccessProtocol, open_state) == 33 && sizeof(MmConfigurationProtocol) == 16);
#endif

}  // namespace redoubt::abi
