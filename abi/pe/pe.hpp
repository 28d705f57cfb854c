// SPDX-License-Identifier: BSD-2-Clause-Patent
// Executable images: PE32 and PE32+ (Microsoft PE and COFF specification, revision 11) and TE (PI 1.9, volume 1, 15),
// which is a PE image with most of its headers cut off. Nothing here checks anything: that is image/executable.hpp's.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi::pe {

inline constexpr std::uint16_t dos_signature = 0x5A4D;     // "MZ"
inline constexpr std::uint32_t nt_signature = 0x00004550;  // "PE", 0, 0
inline constexpr std::uint16_t te_signature = 0x5A56;      // "VZ"
inline constexpr std::uint16_t optional_magic_32 = 0x10B;  // PE32
inline constexpr std::uint16_t optional_magic_64 = 0x20B;  // PE32+

// IMAGE_DOS_HEADER: only its first and last fields mean anything here.
struct DosHeader {
  std::uint16_t signature;
  std::uint16_t unused[29];
  std::uint32_t new_header_offset;  // of the NT signature, from the start of the file
};
static_assert(sizeof(DosHeader) == 64 && offsetof(DosHeader, new_header_offset) == 60);

enum Machine : std::uint16_t {
  machine_ia32 = 0x014C,
  machine_ebc = 0x0EBC,
  machine_arm_thumb = 0x01C2,
  machine_riscv64 = 0x5064,
  machine_loongarch64 = 0x6264,
  machine_x64 = 0x8664,
  machine_arm64 = 0xAA64,
};

// IMAGE_FILE_HEADER, after the NT signature.
struct CoffHeader {
  std::uint16_t machine;
  std::uint16_t section_count;
  std::uint32_t time_stamp;
  std::uint32_t symbol_table;
  std::uint32_t symbol_count;
  std::uint16_t optional_header_size;  // the section table starts that far behind this header
  std::uint16_t characteristics;
};
static_assert(sizeof(CoffHeader) == 20 && offsetof(CoffHeader, optional_header_size) == 16);

inline constexpr std::uint16_t file_relocations_stripped = 0x0001;
inline constexpr std::uint16_t file_executable = 0x0002;
inline constexpr std::uint16_t file_large_address_aware = 0x0020;
inline constexpr std::uint16_t file_32_bit_machine = 0x0100;

enum Subsystem : std::uint16_t {
  subsystem_application = 10,
  subsystem_boot_service_driver = 11,
  subsystem_runtime_driver = 12,
};

struct DataDirectory {
  std::uint32_t rva;
  std::uint32_t size;
};
static_assert(sizeof(DataDirectory) == 8);

inline constexpr std::uint32_t directory_security = 4;  // its rva is a file offset
inline constexpr std::uint32_t directory_relocations = 5;
inline constexpr std::uint32_t directory_debug = 6;
inline constexpr std::uint32_t directory_count = 16;

// IMAGE_OPTIONAL_HEADER32 up to its data directories, which follow.
struct OptionalHeader32 {
  std::uint16_t magic;
  std::uint8_t linker_major;
  std::uint8_t linker_minor;
  std::uint32_t code_size;
  std::uint32_t initialized_data_size;
  std::uint32_t uninitialized_data_size;
  std::uint32_t entry_point;  // RVA
  std::uint32_t code_base;
  std::uint32_t data_base;
  std::uint32_t image_base;
  std::uint32_t section_alignment;
  std::uint32_t file_alignment;
  std::uint16_t operating_system_major;
  std::uint16_t operating_system_minor;
  std::uint16_t image_major;
  std::uint16_t image_minor;
  std::uint16_t subsystem_major;
  std::uint16_t subsystem_minor;
  std::uint32_t reserved;
  std::uint32_t image_size;
  std::uint32_t headers_size;
  std::uint32_t checksum;
  std::uint16_t subsystem;
  std::uint16_t dll_characteristics;
  std::uint32_t stack_reserve;
  std::uint32_t stack_commit;
  std::uint32_t heap_reserve;
  std::uint32_t heap_commit;
  std::uint32_t loader_flags;
  std::uint32_t directory_count;
};
static_assert(sizeof(OptionalHeader32) == 96 && offsetof(OptionalHeader32, image_base) == 28 &&
              offsetof(OptionalHeader32, image_size) == 56 && offsetof(OptionalHeader32, subsystem) == 68);

// IMAGE_OPTIONAL_HEADER64 up to its data directories, which follow.
struct OptionalHeader64 {
  std::uint16_t magic;
  std::uint8_t linker_major;
  std::uint8_t linker_minor;
  std::uint32_t code_size;
  std::uint32_t initialized_data_size;
  std::uint32_t uninitialized_data_size;
  std::uint32_t entry_point;  // RVA
  std::uint32_t code_base;
  std::uint64_t image_base;
  std::uint32_t section_alignment;
  std::uint32_t file_alignment;
  std::uint16_t operating_system_major;
  std::uint16_t operating_system_minor;
  std::uint16_t image_major;
  std::uint16_t image_minor;
  std::uint16_t subsystem_major;
  std::uint16_t subsystem_minor;
  std::uint32_t reserved;
  std::uint32_t image_size;
  std::uint32_t headers_size;
  std::uint32_t checksum;
  std::uint16_t subsystem;
  std::uint16_t dll_characteristics;
  std::uint64_t stack_reserve;
  std::uint64_t stack_commit;
  std::uint64_t heap_reserve;
  std::uint64_t heap_commit;
  std::uint32_t loader_flags;
  std::uint32_t directory_count;
};
static_assert(sizeof(OptionalHeader64) == 112 && offsetof(OptionalHeader64, image_base) == 24 &&
              offsetof(OptionalHeader64, image_size) == 56 && offsetof(OptionalHeader64, subsystem) == 68);

// IMAGE_SECTION_HEADER.
struct SectionHeader {
  char name[8];  // padded with zeros, not ended by one
  std::uint32_t virtual_size;
  std::uint32_t rva;
  std::uint32_t raw_size;
  std::uint32_t raw_offset;
  std::uint32_t relocations_offset;
  std::uint32_t line_numbers_offset;
  std::uint16_t relocation_count;
  std::uint16_t line_number_count;
  std::uint32_t characteristics;
};
static_assert(sizeof(SectionHeader) == 40 && offsetof(SectionHeader, raw_offset) == 20 &&
              offsetof(SectionHeader, characteristics) == 36);

inline constexpr std::uint32_t section_code = 0x00000020;
inline constexpr std::uint32_t section_initialized_data = 0x00000040;
inline constexpr std::uint32_t section_uninitialized_data = 0x00000080;
inline constexpr std::uint32_t section_discardable = 0x02000000;
inline constexpr std::uint32_t section_execute = 0x20000000;
inline constexpr std::uint32_t section_read = 0x40000000;
inline constexpr std::uint32_t section_write = 0x80000000;

// IMAGE_BASE_RELOCATION: the head of a block; 16-bit entries follow, type in the top four bits.
struct RelocationBlock {
  std::uint32_t page_rva;
  std::uint32_t size;  // bytes, this head included
};
static_assert(sizeof(RelocationBlock) == 8);

enum class RelocationType : std::uint8_t {
  absolute = 0,  // padding
  high = 1,
  low = 2,
  high_low = 3,  // 32 bits
  dir64 = 10,
};

// IMAGE_DEBUG_DIRECTORY.
struct DebugDirectory {
  std::uint32_t characteristics;
  std::uint32_t time_stamp;
  std::uint16_t version_major;
  std::uint16_t version_minor;
  std::uint32_t type;
  std::uint32_t size;
  std::uint32_t rva;
  std::uint32_t file_offset;
};
static_assert(sizeof(DebugDirectory) == 28);

inline constexpr std::uint32_t debug_type_codeview = 2;

// EFI_TE_IMAGE_HEADER. Its RVAs and file offsets count from the start of the PE image that it was made of, of whose
// headers `stripped_size` bytes are gone: file offset X of that image lies at X - stripped_size + 40 of this one.
struct TeHeader {
  std::uint16_t signature;
  std::uint16_t machine;
  std::uint8_t section_count;
  std::uint8_t subsystem;
  std::uint16_t stripped_size;
  std::uint32_t entry_point;
  std::uint32_t code_base;
  std::uint64_t image_base;
  DataDirectory relocations;
  DataDirectory debug;
};
static_assert(sizeof(TeHeader) == 40 && offsetof(TeHeader, stripped_size) == 6 && offsetof(TeHeader, image_base) == 16);

}  // namespace redoubt::abi::pe
