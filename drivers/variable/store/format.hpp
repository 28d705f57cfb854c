// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variable store in flash, as stock firmware reads and writes it: a firmware volume header (PI 1.9, volume 3,
// 3.2.1), a store header, then variable records at offsets that are multiples of 4 from the store's start. Layouts
// and states from edk2's MdeModulePkg/Include/Guid/VariableFormat.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/pi/firmware_volume.hpp"
#include "abi/uefi/time.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::variable::format {

// gEfiAuthenticatedVariableGuid: a store whose records carry a time stamp.
inline constexpr abi::Guid authenticated_store_guid = {
    0xaaf32c78, 0x947b, 0x439a, {0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92}};
// gEfiVariableGuid: a store whose records don't.
inline constexpr abi::Guid plain_store_guid = {
    0xddcf3616, 0x3275, 0x4164, {0x98, 0xb6, 0xfe, 0x85, 0x70, 0x7f, 0xfe, 0x7d}};

// The header of a volume of abi::system_nv_data_guid with one kind of blocks, and the end of the map.
struct VolumeHeader {
  static constexpr std::uint32_t expected_attributes = 0x0004FEFF;

  abi::FirmwareVolumeHeader fixed;
  abi::FirmwareVolumeBlock map[2];
};
static_assert(offsetof(VolumeHeader, map) == 56 && sizeof(VolumeHeader) == 72);

// VARIABLE_STORE_HEADER.
struct StoreHeader {
  static constexpr std::uint8_t formatted = 0x5A;
  static constexpr std::uint8_t healthy = 0xFE;

  abi::Guid signature;
  std::uint32_t size;  // this header included
  std::uint8_t format;
  std::uint8_t state;
  std::uint16_t reserved;
  std::uint32_t reserved1;
};
static_assert(offsetof(StoreHeader, size) == 16 && offsetof(StoreHeader, format) == 20 && sizeof(StoreHeader) == 28);

// AUTHENTICATED_VARIABLE_HEADER; the name with its terminator and the data follow without padding. The 64-bit count
// stands at a multiple of 4 only, therefore in two halves.
struct RecordHeader {
  static constexpr std::uint16_t expected_start = 0x55AA;

  std::uint16_t start;
  std::uint8_t state;
  std::uint8_t reserved;
  std::uint32_t attributes;
  std::uint32_t monotonic_count[2];
  abi::Time time_stamp;
  std::uint32_t public_key_index;
  std::uint32_t name_size;  // bytes, terminator included
  std::uint32_t data_size;
  abi::Guid vendor;
};
static_assert(offsetof(RecordHeader, state) == 2 && offsetof(RecordHeader, attributes) == 4 &&
              offsetof(RecordHeader, monotonic_count) == 8 && offsetof(RecordHeader, time_stamp) == 16 &&
              offsetof(RecordHeader, name_size) == 36 && offsetof(RecordHeader, data_size) == 40 &&
              offsetof(RecordHeader, vendor) == 44 && sizeof(RecordHeader) == 60 && alignof(RecordHeader) == 4);

inline constexpr std::uint32_t record_alignment = 4;

// The area of fault-tolerant writes (edk2's MdeModulePkg/Include/Guid/SystemNvDataGuid.h): this header, then a queue of
// writes, each a WriteHeader and as many WriteRecords as it says, one after the other. Its last entry is the only one
// that may be under way.
//
// gEdkiiWorkingBlockSignatureGuid.
inline constexpr abi::Guid working_block_guid = {
    0x9e58292b, 0x7c68, 0x497d, {0xa0, 0xce, 0x65, 0x00, 0xfd, 0x9f, 0x1b, 0x95}};

// EFI_FAULT_TOLERANT_WORKING_BLOCK_HEADER.
struct WorkingBlockHeader {
  static constexpr std::uint8_t valid = 0xFE;    // bit 0 clear: the whole area is written
  static constexpr std::uint8_t invalid = 0xFC;  // bit 1 clear as well: it's about to be erased

  abi::Guid signature;
  std::uint32_t crc;  // CRC-32 of this header, with all bits of `crc` and `state` set
  std::uint8_t state;
  std::uint8_t reserved[3];  // all bits set
  std::uint64_t queue_size;  // bytes after this header
};
static_assert(offsetof(WorkingBlockHeader, crc) == 16 && offsetof(WorkingBlockHeader, state) == 20 &&
              offsetof(WorkingBlockHeader, queue_size) == 24 && sizeof(WorkingBlockHeader) == 32);

// EFI_FAULT_TOLERANT_WRITE_HEADER. Bits of `state` are cleared from the lowest on.
struct WriteHeader {
  static constexpr std::uint8_t allocated = 0x01;         // this header is written
  static constexpr std::uint8_t writes_allocated = 0x02;  // room for its records is taken
  static constexpr std::uint8_t complete = 0x04;          // all is done, or given up

  std::uint8_t state;
  std::uint8_t reserved[3];
  abi::Guid caller;
  std::uint32_t reserved1;
  std::uint64_t writes;             // records that follow
  std::uint64_t private_data_size;  // bytes after each record
};
static_assert(offsetof(WriteHeader, caller) == 4 && offsetof(WriteHeader, writes) == 24 &&
              offsetof(WriteHeader, private_data_size) == 32 && sizeof(WriteHeader) == 40);

// EFI_FAULT_TOLERANT_WRITE_RECORD: blocks of the volume that get the content of the spare area.
struct WriteRecord {
  static constexpr std::uint8_t boot_block = 0x01;
  static constexpr std::uint8_t spare_complete = 0x02;        // the spare area holds what is to be written
  static constexpr std::uint8_t destination_complete = 0x04;  // and so does the destination

  std::uint8_t state;
  std::uint8_t reserved[7];
  std::uint64_t block;   // first block written
  std::uint64_t offset;  // of what its author meant to change, in that block; whole blocks are written all the same
  std::uint64_t length;  // of that, bytes
  std::int64_t relative_offset;  // of the first block, from the spare area's start
};
static_assert(offsetof(WriteRecord, block) == 8 && offsetof(WriteRecord, length) == 24 &&
              offsetof(WriteRecord, relative_offset) == 32 && sizeof(WriteRecord) == 40);

// A record's life; each step clears bits of the one before. A reader takes `added`, or `replacing` if no record of
// the same variable is `added`.
namespace state {
inline constexpr std::uint8_t blank = 0xFF;
inline constexpr std::uint8_t header_valid = 0x7F;
inline constexpr std::uint8_t added = 0x3F;
inline constexpr std::uint8_t replacing = 0x3E;  // added, and in transition to deleted
inline constexpr std::uint8_t deleted_mask = 0xFD;
inline constexpr std::uint8_t void_record = 0x3C;  // what recovery makes of a record that was never completed
}  // namespace state

}  // namespace redoubt::variable::format
