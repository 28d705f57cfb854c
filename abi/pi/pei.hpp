// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a PEIM calls and installs: the PEI Services Table (PI 1.9, volume 1, chapter 4) and the PPIs that an IPL needs
// (volume 1, 8.3.9 for MP services, volume 4, chapter 6 for MM access and communication). A PEIM and its PEI core have
// the same width, so pointers and UintN are native here; services that Redoubt doesn't call are kept as untyped
// pointers, for their place in the table.
#pragma once

#include "abi/pi/hob.hpp"
#include "abi/uefi/service_types.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

struct PeiServices;
using PeiServicesPointer = const PeiServices* const*;

using FileHandle = void*;
using VolumeHandle = void*;

// EFI_BOOT_MODE, volume 1, 4.5.
using BootMode = std::uint32_t;
inline constexpr BootMode boot_on_s3_resume = 0x11;

// EFI_PEI_PPI_DESCRIPTOR.
struct PpiDescriptor {
  static constexpr UintN ppi = 0x10;
  static constexpr UintN terminate_list = 0x8000'0000;

  UintN flags;
  const Guid* guid;
  void* interface;
};

struct NotifyDescriptor;
using NotifyEntry = EfiStatus(EFIAPI*)(PeiServicesPointer, const NotifyDescriptor*, void* interface);

// EFI_PEI_NOTIFY_DESCRIPTOR.
struct NotifyDescriptor {
  static constexpr UintN callback = 0x20;  // called at once, from inside the installation
  static constexpr UintN terminate_list = 0x8000'0000;

  UintN flags;
  const Guid* guid;
  NotifyEntry notify;
};

// EFI_PEI_END_OF_PEI_PHASE_PPI (volume 1, chapter 6): installed last thing before DXE; no interface.
inline constexpr Guid end_of_pei_ppi_guid = {
    0x605ea650, 0xc65c, 0x42e1, {0xba, 0x80, 0x91, 0xa5, 0x2a, 0xb6, 0x18, 0xc6}};

// EFI_FV_FILE_INFO.
struct FvFileInfo {
  Guid file_name;
  std::uint8_t file_type;
  std::uint32_t file_attributes;
  void* buffer;  // the file's data, header excluded
  std::uint32_t buffer_size;
};

// EFI_PEI_SERVICES.
struct PeiServices {
  static constexpr std::uint64_t expected_signature = 0x5652455320494550;  // "PEI SERV"

  TableHeader header;
  EfiStatus(EFIAPI* install_ppi)(PeiServicesPointer, const PpiDescriptor* list);
  // The new descriptor takes the old one's place in the database; callbacks hear of it as of an installation.
  EfiStatus(EFIAPI* reinstall_ppi)(PeiServicesPointer, const PpiDescriptor* old_ppi, const PpiDescriptor* new_ppi);
  EfiStatus(EFIAPI* locate_ppi)(PeiServicesPointer, const Guid*, UintN instance, PpiDescriptor**, void** interface);
  EfiStatus(EFIAPI* notify_ppi)(PeiServicesPointer, const NotifyDescriptor* list);
  EfiStatus(EFIAPI* get_boot_mode)(PeiServicesPointer, BootMode*);
  void* set_boot_mode;
  EfiStatus(EFIAPI* get_hob_list)(PeiServicesPointer, void** list);
  EfiStatus(EFIAPI* create_hob)(PeiServicesPointer, HobType, std::uint16_t length, void** hob);
  EfiStatus(EFIAPI* ffs_find_next_volume)(PeiServicesPointer, UintN instance, VolumeHandle*);
  void* ffs_find_next_file;
  EfiStatus(EFIAPI* ffs_find_section_data)(PeiServicesPointer, std::uint8_t type, FileHandle, void** data);
  void* install_pei_memory;
  EfiStatus(EFIAPI* allocate_pages)(PeiServicesPointer, MemoryType, UintN pages, EfiPhysicalAddress*);
  void* allocate_pool;
  void* copy_mem;
  void* set_mem;
  void* report_status_code;
  EfiStatus(EFIAPI* reset_system)(PeiServicesPointer);
  void* cpu_io;
  void* pci_cfg;
  EfiStatus(EFIAPI* ffs_find_file_by_name)(const Guid*, VolumeHandle, FileHandle*);
  EfiStatus(EFIAPI* ffs_get_file_info)(FileHandle, FvFileInfo*);
  // Five more services that Redoubt doesn't call.
};
#if defined(__i386__)
static_assert(sizeof(PpiDescriptor) == 12 && sizeof(NotifyDescriptor) == 12 && sizeof(FvFileInfo) == 32 &&
              offsetof(FvFileInfo, buffer) == 24);
static_assert(offsetof(PeiServices, install_ppi) == 24 && offsetof(PeiServices, notify_ppi) == 36 &&
              offsetof(PeiServices, create_hob) == 52 && offsetof(PeiServices, allocate_pages) == 72 &&
              offsetof(PeiServices, ffs_find_file_by_name) == 104 && offsetof(PeiServices, ffs_get_file_info) == 108);
#endif

// EFI_PEI_MM_ACCESS_PPI (volume 4, 6.2).
struct MmAccessPpi {
  static constexpr Guid guid = {0x268f33a9, 0xcccd, 0x48be, {0x88, 0x17, 0x86, 0x05, 0x3a, 0xc3, 0x2e, 0xd6}};

  EfiStatus(EFIAPI* open)(PeiServicesPointer, MmAccessPpi*, UintN descriptor_index);
  EfiStatus(EFIAPI* close)(PeiServicesPointer, MmAccessPpi*, UintN descriptor_index);
  EfiStatus(EFIAPI* lock)(PeiServicesPointer, MmAccessPpi*, UintN descriptor_index);
  EfiStatus(EFIAPI* get_capabilities)(PeiServicesPointer, MmAccessPpi*, UintN* size, MmramDescriptor*);
  Boolean lock_state;
  Boolean open_state;
};

// EFI_PROCESSOR_INFORMATION (volume 2, 13.3.3); the extended information comes with newer producers only.
struct ProcessorInformation {
  static constexpr std::uint32_t is_boot_processor = 0x1;
  static constexpr std::uint32_t is_enabled = 0x2;

  std::uint64_t processor_id;  // the local APIC id
  std::uint32_t status_flag;
  std::uint32_t location[3];
  std::uint32_t extended_location[6];
};
static_assert(sizeof(ProcessorInformation) == 48 && offsetof(ProcessorInformation, extended_location) == 24);

using ApProcedure = void(EFIAPI*)(void* argument);

// EFI_PEI_MP_SERVICES_PPI.
struct MpServicesPpi {
  static constexpr Guid guid = {0xee16160a, 0xe8be, 0x47a6, {0x82, 0x0a, 0xc6, 0x90, 0x0d, 0xb0, 0x25, 0x0a}};

  EfiStatus(EFIAPI* get_number_of_processors)(PeiServicesPointer, MpServicesPpi*, UintN* all, UintN* enabled);
  EfiStatus(EFIAPI* get_processor_info)(PeiServicesPointer, MpServicesPpi*, UintN number, ProcessorInformation*);
  void* startup_all_aps;
  EfiStatus(EFIAPI* startup_this_ap)(PeiServicesPointer, MpServicesPpi*, ApProcedure, UintN number,
                                     UintN timeout_microseconds, void* argument);
  void* switch_bsp;
  void* enable_disable_ap;
  EfiStatus(EFIAPI* who_am_i)(PeiServicesPointer, MpServicesPpi*, UintN* number);
};

// EFI_PEI_MM_COMMUNICATION_PPI (volume 4, 6.4). The buffer starts with a header as wide as the caller.
struct MmCommunicationPpi {
  static constexpr Guid guid = {0xae933e1c, 0xcc47, 0x4e38, {0x8f, 0x0e, 0xe2, 0xf6, 0x1d, 0x26, 0x05, 0xdf}};

  EfiStatus(EFIAPI* communicate)(const MmCommunicationPpi*, void* buffer, UintN* size);
};

// EFI_PEI_MM_COMMUNICATION3_PPI: a CommunicateHeaderV3, which says how large the buffer is.
struct MmCommunication3Ppi {
  static constexpr Guid guid = {0xe70febf6, 0x13ef, 0x4a21, {0x89, 0x9e, 0xb2, 0x36, 0xf8, 0x25, 0xff, 0xc9}};

  EfiStatus(EFIAPI* communicate)(const MmCommunication3Ppi*, void* buffer);
};

// EFI_PEI_READ_ONLY_VARIABLE2_PPI (volume 1, 8.3.10). `attributes` may be null, and `data` when *size is 0.
struct ReadOnlyVariable2Ppi {
  static constexpr Guid guid = {0x2ab86ef5, 0xecb5, 0x4134, {0xb5, 0x56, 0x38, 0x54, 0xca, 0x1f, 0xe1, 0xb4}};

  EfiStatus(EFIAPI* get_variable)(const ReadOnlyVariable2Ppi*, const Char16* name, const Guid* vendor,
                                  std::uint32_t* attributes, UintN* size, void* data);
  EfiStatus(EFIAPI* get_next_variable_name)(const ReadOnlyVariable2Ppi*, UintN* name_size, Char16* name, Guid* vendor);
};

}  // namespace redoubt::abi
