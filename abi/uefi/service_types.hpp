// SPDX-License-Identifier: BSD-2-Clause-Patent
// The types that UEFI boot services and MM services share: table header, configuration table, memory, locate and
// interface types, and the loaded-image protocol. Layouts follow UEFI 2.10, sections 4.2, 4.6, 7.2, 7.3 and 9.1.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// EFI_GLOBAL_VARIABLE (UEFI 2.10, 3.3).
inline constexpr Guid global_variable_guid = {
    0x8be4df61, 0x93ca, 0x11d2, {0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c}};
// EFI_IMAGE_SECURITY_DATABASE_GUID (UEFI 2.10, 32.6.1): the vendor of db, dbx, dbt and dbr.
inline constexpr Guid image_security_database_guid = {
    0xd719b2cb, 0x3d3a, 0x4596, {0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f}};

// EFI_TABLE_HEADER. `crc32` covers `header_size` bytes with itself taken as zero.
struct TableHeader {
  std::uint64_t signature;
  std::uint32_t revision;
  std::uint32_t header_size;
  std::uint32_t crc32;
  std::uint32_t reserved;
};
static_assert(sizeof(TableHeader) == 24 && offsetof(TableHeader, crc32) == 16);

// EFI_CONFIGURATION_TABLE.
struct ConfigurationTable {
  Guid vendor_guid;
  void* vendor_table;
};
static_assert(sizeof(ConfigurationTable) == 16 + sizeof(void*));

// EFI_MEMORY_TYPE.
enum MemoryType : std::uint32_t {
  reserved_memory_type = 0,
  loader_code = 1,
  loader_data = 2,
  boot_services_code = 3,
  boot_services_data = 4,
  runtime_services_code = 5,
  runtime_services_data = 6,
  conventional_memory = 7,
  unusable_memory = 8,
  acpi_reclaim_memory = 9,
  acpi_memory_nvs = 10,
  memory_mapped_io = 11,
  memory_mapped_io_port_space = 12,
  pal_code = 13,
  persistent_memory = 14,
  unaccepted_memory = 15,
};

// EFI_MEMORY_DESCRIPTOR (UEFI 2.10, 7.2.3). An array of them has a stride of its own.
struct MemoryDescriptor {
  MemoryType type;
  std::uint32_t padding;
  EfiPhysicalAddress physical_start;
  std::uint64_t virtual_start;
  std::uint64_t number_of_pages;
  std::uint64_t attribute;
};
static_assert(sizeof(MemoryDescriptor) == 40 && offsetof(MemoryDescriptor, number_of_pages) == 24);

// EFI_ALLOCATE_TYPE.
enum AllocateType : std::uint32_t { allocate_any_pages = 0, allocate_max_address = 1, allocate_address = 2 };

// EFI_LOCATE_SEARCH_TYPE.
enum LocateSearchType : std::uint32_t { all_handles = 0, by_register_notify = 1, by_protocol = 2 };

// EFI_INTERFACE_TYPE.
enum InterfaceType : std::uint32_t { native_interface = 0 };

// EFI_LOADED_IMAGE_PROTOCOL.
struct LoadedImageProtocol {
  static constexpr std::uint32_t current_revision = 0x1000;

  std::uint32_t revision;
  Handle parent_handle;
  void* system_table;
  Handle device_handle;
  void* file_path;
  void* reserved;
  std::uint32_t load_options_size;
  void* load_options;
  void* image_base;
  std::uint64_t image_size;
  MemoryType image_code_type;
  MemoryType image_data_type;
  void* unload;
};
#if defined(__x86_64__)
static_assert(sizeof(LoadedImageProtocol) == 96 && offsetof(LoadedImageProtocol, image_base) == 64 &&
              offsetof(LoadedImageProtocol, image_data_type) == 84 && offsetof(LoadedImageProtocol, unload) == 88);
#endif

// gEfiLoadedImageProtocolGuid.
inline constexpr Guid loaded_image_protocol_guid = {
    0x5b1b31a1, 0x9562, 0x11d2, {0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};

}  // namespace redoubt::abi
