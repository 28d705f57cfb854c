// SPDX-License-Identifier: BSD-2-Clause-Patent
// Firmware volumes, files and sections as they lie in flash (PI 1.9, volume 3, chapters 2 and 3). Nothing here checks
// anything: image/ turns bytes into validated views, and all other folders go through those.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// ---- Volume (volume 3, 3.2.1) ----

// EFI_FV_BLOCK_MAP. A pair of zeros ends the map.
struct FirmwareVolumeBlock {
  std::uint32_t count;
  std::uint32_t length;  // bytes of one block
};
static_assert(sizeof(FirmwareVolumeBlock) == 8);

// EFI_FIRMWARE_VOLUME_HEADER without its block map, which follows at once.
struct FirmwareVolumeHeader {
  std::uint8_t zero_vector[16];  // or a reset vector
  Guid file_system;
  std::uint64_t length;  // bytes of the whole volume, this header included
  std::uint32_t signature;
  std::uint32_t attributes;
  std::uint16_t header_length;           // block map and its end included
  std::uint16_t checksum;                // makes the sum of the header's 16-bit words zero
  std::uint16_t extended_header_offset;  // from the start of the volume; 0: there is none
  std::uint8_t reserved;
  std::uint8_t revision;
};
static_assert(sizeof(FirmwareVolumeHeader) == 56 && offsetof(FirmwareVolumeHeader, length) == 32 &&
              offsetof(FirmwareVolumeHeader, signature) == 40 && offsetof(FirmwareVolumeHeader, header_length) == 48 &&
              offsetof(FirmwareVolumeHeader, revision) == 55);

inline constexpr std::uint32_t firmware_volume_signature = 0x4856465F;  // "_FVH"
inline constexpr std::size_t firmware_volume_signature_offset = offsetof(FirmwareVolumeHeader, signature);
inline constexpr std::uint8_t firmware_volume_revision = 2;

// EFI_FVB2_ERASE_POLARITY: erased flash reads as ones.
inline constexpr std::uint32_t firmware_volume_erase_polarity = 0x00000800;
// EFI_FVB2_ALIGNMENT: the volume starts at a multiple of 2 to this power.
inline constexpr std::uint32_t firmware_volume_alignment_mask = 0x001F0000;
inline constexpr std::uint32_t firmware_volume_alignment_shift = 16;
inline constexpr std::uint32_t firmware_volume_weak_alignment = 0x80000000;

// EFI_FIRMWARE_VOLUME_EXT_HEADER. Entries follow up to `size`; files start at the next 8-byte boundary after it.
struct FirmwareVolumeExtendedHeader {
  Guid name;
  std::uint32_t size;  // bytes, this header and its entries
};
static_assert(sizeof(FirmwareVolumeExtendedHeader) == 20);

// EFI_FIRMWARE_VOLUME_EXT_ENTRY.
struct FirmwareVolumeExtendedEntry {
  std::uint16_t size;  // bytes, this header included
  std::uint16_t type;
};
static_assert(sizeof(FirmwareVolumeExtendedEntry) == 4);

inline constexpr std::uint16_t extended_entry_oem_type = 1;
inline constexpr std::uint16_t extended_entry_guid_type = 2;
inline constexpr std::uint16_t extended_entry_used_size = 3;

// EFI_FIRMWARE_FILE_SYSTEM2_GUID and EFI_FIRMWARE_FILE_SYSTEM3_GUID; the latter allows files above 16 MiB.
inline constexpr Guid file_system_2_guid = {
    0x8c8ce578, 0x8a3d, 0x4f1c, {0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3}};
inline constexpr Guid file_system_3_guid = {
    0x5473c07a, 0x3dcb, 0x4dca, {0xbd, 0x6f, 0x1e, 0x96, 0x89, 0xe7, 0x34, 0x9a}};
// EFI_SYSTEM_NV_DATA_FV_GUID: a volume that holds a variable store, not files.
inline constexpr Guid system_nv_data_guid = {
    0xfff12b8d, 0x7696, 0x4c8b, {0xa9, 0x85, 0x27, 0x47, 0x07, 0x5b, 0x4f, 0x50}};

// The name of a volume top file, whose last byte is the last byte of its volume.
inline constexpr Guid volume_top_file_guid = {
    0x1ba0062e, 0xc779, 0x4582, {0x85, 0x66, 0x33, 0x6a, 0xe8, 0xf7, 0x8f, 0x09}};
// Files with these names list the modules to dispatch first, as bare GUIDs in a raw section.
inline constexpr Guid pei_apriori_guid = {0x1b45cc0a, 0x156a, 0x428a, {0xaf, 0x62, 0x49, 0x86, 0x4d, 0xa0, 0xe6, 0xe6}};
inline constexpr Guid dxe_apriori_guid = {0xfc510ee7, 0xffdc, 0x11d4, {0xbd, 0x41, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};

// ---- File (volume 3, 3.2.3) ----

// EFI_FV_FILETYPE (volume 3, table 3-3).
enum class FileType : std::uint8_t {
  all = 0x00,
  raw = 0x01,
  freeform = 0x02,
  security_core = 0x03,
  pei_core = 0x04,
  dxe_core = 0x05,
  peim = 0x06,
  driver = 0x07,
  combined_peim_driver = 0x08,
  application = 0x09,
  mm = 0x0A,  // Traditional MM driver
  firmware_volume_image = 0x0B,
  combined_mm_dxe = 0x0C,
  mm_core = 0x0D,  // of Traditional MM
  mm_standalone = 0x0E,
  mm_core_standalone = 0x0F,
  oem_first = 0xC0,
  oem_last = 0xDF,
  debug_first = 0xE0,
  debug_last = 0xEF,
  ffs_first = 0xF0,
  pad = 0xF0,
  ffs_last = 0xFF,
};

// EFI_FFS_FILE_HEADER.
struct FileHeader {
  Guid name;
  std::uint8_t header_checksum;  // makes the header's bytes sum to zero, with file_checksum and state taken as zero
  std::uint8_t file_checksum;    // the same for the bytes after the header, or file_checksum_absent
  std::uint8_t type;
  std::uint8_t attributes;
  std::uint8_t size[3];  // bytes, header included, padding not; zero in a large file
  std::uint8_t state;
};
static_assert(sizeof(FileHeader) == 24 && offsetof(FileHeader, header_checksum) == 16 &&
              offsetof(FileHeader, type) == 18 && offsetof(FileHeader, size) == 20 &&
              offsetof(FileHeader, state) == 23);

// EFI_FFS_FILE_HEADER2: of a file with file_attribute_large, in file system 3 only.
struct LargeFileHeader {
  FileHeader header;
  std::uint64_t extended_size;  // bytes, header included
};
static_assert(sizeof(LargeFileHeader) == 32);

inline constexpr std::uint8_t file_attribute_large = 0x01;
inline constexpr std::uint8_t file_attribute_data_alignment_2 = 0x02;
inline constexpr std::uint8_t file_attribute_fixed = 0x04;
inline constexpr std::uint8_t file_attribute_data_alignment = 0x38;
inline constexpr std::uint8_t file_attribute_data_alignment_shift = 3;
inline constexpr std::uint8_t file_attribute_checksum = 0x40;
inline constexpr std::uint8_t file_checksum_absent = 0xAA;

// State bits, as they read with an erase polarity of 0; inverted otherwise. The highest one set counts.
inline constexpr std::uint8_t file_header_construction = 0x01;
inline constexpr std::uint8_t file_header_valid = 0x02;
inline constexpr std::uint8_t file_data_valid = 0x04;
inline constexpr std::uint8_t file_marked_for_update = 0x08;
inline constexpr std::uint8_t file_deleted = 0x10;
inline constexpr std::uint8_t file_header_invalid = 0x20;

inline constexpr std::size_t file_alignment = 8;     // from the start of the volume
inline constexpr std::size_t section_alignment = 4;  // from the start of the file's data

// ---- Section (volume 3, 3.2.4 and 3.2.5) ----

// EFI_SECTION_TYPE (volume 3, table 3-4).
enum class SectionType : std::uint8_t {
  all = 0x00,
  compression = 0x01,
  guid_defined = 0x02,
  disposable = 0x03,
  pe32 = 0x10,
  position_independent = 0x11,
  te = 0x12,
  dxe_depex = 0x13,
  version = 0x14,
  user_interface = 0x15,
  compatibility16 = 0x16,
  firmware_volume_image = 0x17,
  freeform_subtype_guid = 0x18,
  raw = 0x19,
  pei_depex = 0x1B,
  mm_depex = 0x1C,
};

// EFI_COMMON_SECTION_HEADER.
struct SectionHeader {
  std::uint8_t size[3];  // bytes, header included; all ones: the size follows as 32 bits
  std::uint8_t type;
};
static_assert(sizeof(SectionHeader) == 4);

// EFI_COMMON_SECTION_HEADER2.
struct LargeSectionHeader {
  SectionHeader header;
  std::uint32_t extended_size;  // bytes, header included
};
static_assert(sizeof(LargeSectionHeader) == 8);

inline constexpr std::uint32_t section_size_extended = 0xFFFFFF;

// What follows the common header of an EFI_COMPRESSION_SECTION.
struct [[gnu::packed]] CompressionSectionFields {
  std::uint32_t uncompressed_length;
  std::uint8_t compression_type;
};
static_assert(sizeof(CompressionSectionFields) == 5);

inline constexpr std::uint8_t compression_none = 0;
inline constexpr std::uint8_t compression_standard = 1;  // UEFI 2.10, 19: LZ77 with Huffman codes

// What follows the common header of an EFI_GUID_DEFINED_SECTION.
struct GuidedSectionFields {
  Guid definition;
  std::uint16_t data_offset;  // from the start of the common header
  std::uint16_t attributes;
};
static_assert(sizeof(GuidedSectionFields) == 20);

inline constexpr std::uint16_t guided_section_processing_required = 1;
inline constexpr std::uint16_t guided_section_authentication_valid = 2;

// EFI_GUIDED_SECTION_CRC32 (volume 3, 3.2.5.7.1): a CRC-32 of the data stands before it; it needs no decoding.
inline constexpr Guid section_crc32_guid = {
    0xfc1bcdb0, 0x7d31, 0x49aa, {0x93, 0x6a, 0xa4, 0x60, 0x0d, 0x9d, 0xd0, 0x83}};
// Compressions in use that the specification doesn't name: LZMA (of LZMA SDK's .lzma files), the same after an x86
// branch filter, the specification's own algorithm as a GUIDed section, and Brotli.
inline constexpr Guid section_lzma_guid = {
    0xee4e5898, 0x3914, 0x4259, {0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf}};
inline constexpr Guid section_lzma_x86_guid = {
    0xd42ae6bd, 0x1352, 0x4bfb, {0x90, 0x9a, 0xca, 0x72, 0xa6, 0xea, 0xe8, 0x89}};
inline constexpr Guid section_tiano_guid = {
    0xa31280ad, 0x481e, 0x41b6, {0x95, 0xe8, 0x12, 0x7f, 0x4c, 0x98, 0x47, 0x79}};
inline constexpr Guid section_brotli_guid = {
    0x3d532050, 0x5cda, 0x4fd0, {0x87, 0x9e, 0x0f, 0x7f, 0x63, 0x0d, 0x5a, 0xfb}};

// ---- Dependency expression (volume 2, 10.7, and volume 1, 5.7) ----

enum class DepexOpcode : std::uint8_t {
  before = 0x00,
  after = 0x01,
  push = 0x02,
  logical_and = 0x03,
  logical_or = 0x04,
  logical_not = 0x05,
  constant_true = 0x06,
  constant_false = 0x07,
  end = 0x08,
  schedule_on_request = 0x09,
};

}  // namespace redoubt::abi
