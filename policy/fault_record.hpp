// SPDX-License-Identifier: BSD-2-Clause-Patent
// What one boot leaves for the next about the driver that failed in it, in MMRAM that neither clears. Until MMRAM is
// locked again after a reset anything may have happened to it, and after power-on it holds noise: what doesn't check
// out in every field is no record. The checksum is a CRC32, against noise and bits that the reset cost. A keyed sum
// would add nothing: no secret of MM survives a reset, and code that can write there before the lock is trusted with
// all of MM anyway.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "policy/fault_verdict.hpp"

namespace redoubt::policy {

struct FaultRecord {
  static constexpr std::uint64_t expected_signature = 0x5354'4C55'4146'4452;  // "RDFAULTS"
  static constexpr std::uint32_t current_version = 1;

  std::uint64_t signature;
  std::uint32_t version;
  std::uint32_t size;      // of this structure
  std::uint32_t checksum;  // CRC32 of it all, with zero here
  std::uint32_t in_a_row;  // ResetHistory of request.file
  std::uint32_t total;
  BootPhase phase;
  StopVerdict verdict;
  std::uint16_t reserved;
  abi::StopRequest request;

  ResetHistory history() const { return {request.file, in_a_row, total}; }
};
static_assert(sizeof(FaultRecord) == 136 && offsetof(FaultRecord, request) == 32);
using RequestBytes = std::array<std::byte, sizeof(abi::StopRequest)>;
using FaultRecordBytes = std::array<std::byte, sizeof(FaultRecord)>;

// CRC-32 of IEEE 802.3, as in UEFI 2.10, 4.2.
constexpr std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t sum = 0xFFFF'FFFF;
  for (const std::byte byte : bytes) {
    sum ^= static_cast<std::uint8_t>(byte);
    for (unsigned bit = 0; bit < 8; ++bit) {
      sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xEDB8'8320 : 0);
    }
  }
  return ~sum;
}

// A name that can stand in quotes on a line of the log.
constexpr char printable_in_quotes(char character) {
  return character < ' ' || character > '~' || character == '"' ? '?' : character;
}

constexpr void make_quotable(std::span<char> name) {
  bool ended = false;
  for (char& character : name) {
    ended |= character == '\0';
    character = ended ? '\0' : printable_in_quotes(character);
  }
  name.back() = '\0';
}

// A request of ring 3's, changed so that a record of it checks out. An unknown policy counts as a wish to stop the
// machine.
constexpr void make_sound(abi::StopRequest& request) {
  if (request.policy > abi::FaultPolicy::halt) {
    request.policy = abi::FaultPolicy::reset;
  }
  if (static_cast<std::uint8_t>(request.cause) >= abi::fault_cause_count) {
    request.cause = abi::FaultCause::fault;
  }
  for (std::uint8_t& reserved : request.reserved) {
    reserved = 0;
  }
  make_quotable(request.name);
}

constexpr std::uint32_t checksum_of(FaultRecord record) {
  record.checksum = 0;
  return crc32(std::bit_cast<FaultRecordBytes>(record));
}

constexpr FaultRecord make_fault_record(const abi::StopRequest& request, BootPhase phase, StopVerdict verdict,
                                        const ResetHistory& history) {
  FaultRecord record{.signature = FaultRecord::expected_signature,
                     .version = FaultRecord::current_version,
                     .size = sizeof(FaultRecord),
                     .checksum = 0,
                     .in_a_row = history.in_a_row,
                     .total = history.total,
                     .phase = phase,
                     .verdict = verdict,
                     .reserved = 0,
                     .request = request};
  record.checksum = checksum_of(record);
  return record;
}

// Nothing unless all of it is what make_fault_record() leaves of a request with a name that can be quoted.
constexpr std::optional<FaultRecord> accept_fault_record(const FaultRecordBytes& bytes) {
  const auto record = std::bit_cast<FaultRecord>(bytes);
  if (record.signature != FaultRecord::expected_signature || record.version != FaultRecord::current_version ||
      record.size != sizeof(FaultRecord) || record.checksum != checksum_of(record) || record.total > resets_in_total ||
      record.in_a_row > record.total || record.in_a_row > resets_in_a_row ||
      static_cast<std::uint8_t>(record.phase) >= boot_phase_count || record.verdict > StopVerdict::closed_for_loop ||
      record.reserved != 0) {
    return std::nullopt;
  }
  abi::StopRequest sound = record.request;
  make_sound(sound);
  if (std::bit_cast<RequestBytes>(sound) != std::bit_cast<RequestBytes>(record.request)) {
    return std::nullopt;
  }
  return record;
}

}  // namespace redoubt::policy
