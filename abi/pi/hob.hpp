// SPDX-License-Identifier: BSD-2-Clause-Patent
// Hand-off blocks (PI 1.9, volume 3, chapter 5) and the GUIDed ones that describe MMRAM. The layout is the same for
// a 32-bit PEI and 64-bit readers. A HOB list handed to MM was written by PEI and is data like any other: a reader
// checks each length against what is left of the list.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

enum class HobType : std::uint16_t {
  handoff = 0x0001,
  memory_allocation = 0x0002,
  resource_descriptor = 0x0003,
  guid_extension = 0x0004,
  firmware_volume = 0x0005,
  cpu = 0x0006,
  memory_pool = 0x0007,
  firmware_volume2 = 0x0009,
  uefi_capsule = 0x000B,
  firmware_volume3 = 0x000C,
  unused = 0xFFFE,
  end_of_list = 0xFFFF,
};

// EFI_HOB_GENERIC_HEADER. The next HOB follows after `length` bytes, a multiple of 8 that includes this header.
struct HobHeader {
  HobType type;
  std::uint16_t length;
  std::uint32_t reserved;
};
static_assert(sizeof(HobHeader) == 8);

// EFI_HOB_HANDOFF_INFO_TABLE, the first HOB of a list.
struct HobHandoff {
  HobHeader header;
  std::uint32_t version;
  std::uint32_t boot_mode;
  EfiPhysicalAddress memory_top;
  EfiPhysicalAddress memory_bottom;
  EfiPhysicalAddress free_memory_top;
  EfiPhysicalAddress free_memory_bottom;
  EfiPhysicalAddress end_of_hob_list;  // of the end-of-list HOB itself, as edk2 sets it
};
static_assert(sizeof(HobHandoff) == 56 && offsetof(HobHandoff, end_of_hob_list) == 48);

// EFI_HOB_RESOURCE_DESCRIPTOR.
struct HobResourceDescriptor {
  HobHeader header;
  Guid owner;
  std::uint32_t resource_type;
  std::uint32_t attributes;
  EfiPhysicalAddress start;
  std::uint64_t length;
};
static_assert(sizeof(HobResourceDescriptor) == 48 && offsetof(HobResourceDescriptor, start) == 32);

// gEfiHobMemoryAllocModuleGuid: the name of an EFI_HOB_MEMORY_ALLOCATION that describes a loaded module.
inline constexpr Guid memory_allocation_module_guid = {
    0xf8e21975, 0x0899, 0x4f58, {0xa4, 0xbe, 0x55, 0x25, 0xa9, 0xc6, 0xd7, 0x7a}};

// EFI_HOB_FIRMWARE_VOLUME.
struct HobFirmwareVolume {
  HobHeader header;
  EfiPhysicalAddress base;
  std::uint64_t length;
};
static_assert(sizeof(HobFirmwareVolume) == 24);

// EFI_HOB_GUID_TYPE; data follows, padded so that the HOB's length is a multiple of 8.
struct HobGuid {
  HobHeader header;
  Guid name;
};
static_assert(sizeof(HobGuid) == 24);

// EFI_MMRAM_DESCRIPTOR (PI 1.9, volume 4, 5.3) and its states.
struct MmramDescriptor {
  EfiPhysicalAddress physical_start;
  EfiPhysicalAddress cpu_start;
  std::uint64_t physical_size;
  std::uint64_t region_state;
};
static_assert(sizeof(MmramDescriptor) == 32);

namespace mmram_state {
inline constexpr std::uint64_t open = 0x01;
inline constexpr std::uint64_t closed = 0x02;
inline constexpr std::uint64_t locked = 0x04;
inline constexpr std::uint64_t cacheable = 0x08;
inline constexpr std::uint64_t allocated = 0x10;
inline constexpr std::uint64_t needs_testing = 0x20;
inline constexpr std::uint64_t needs_ecc_initialization = 0x40;
}  // namespace mmram_state

// EFI_MMRAM_HOB_DESCRIPTOR_BLOCK: the data of both MMRAM HOBs; `count` descriptors follow.
struct MmramDescriptorBlock {
  std::uint32_t count;
  std::uint32_t reserved;
};
static_assert(sizeof(MmramDescriptorBlock) == 8);

// gEfiSmmSmramMemoryGuid: the one edk2's Standalone MM core looks for first.
inline constexpr Guid smram_memory_hob_guid = {
    0x6dadf1d1, 0xd4cc, 0x4910, {0xbb, 0x6e, 0x82, 0xb1, 0xfd, 0x80, 0xff, 0x3d}};

// gEfiMmPeiMmramMemoryReserveGuid: its second choice.
inline constexpr Guid mmram_memory_reserve_hob_guid = {
    0x0703f912, 0xbf8d, 0x4e2a, {0xbe, 0x07, 0xab, 0x27, 0x25, 0x25, 0xc5, 0x92}};

}  // namespace redoubt::abi
