// SPDX-License-Identifier: BSD-2-Clause-Patent
// What can be said about a variable store that isn't as it should be.
#pragma once

#include <cstdint>

namespace redoubt::variable {

enum class Severity : std::uint8_t {
  note,     // what a power cut leaves; the next start puts it right, and nothing is lost
  warning,  // not what firmware writes; all variables can be read
  damage,   // something can't be read
};

enum class FindingId : std::uint8_t {
  // The volume's and the store's headers.
  blank,
  volume_signature,
  volume_file_system,
  volume_header_length,
  store_signature,
  store_without_authentication,
  store_format,
  store_state,
  store_size,
  store_erased,
  volume_checksum,
  volume_length,
  // The areas of fault-tolerant writes.
  work_header,
  work_queue,
  work_remains,
  write_abandoned,
  write_unfinished,
  write_unmarked,
  write_refused,
  // Records.
  record_unreachable,
  record_tail,
  record_interrupted,
  record_replaced,
  record_duplicate,
  record_state,
  record_sizes,
  record_name,
  record_empty,
  record_attributes,
};

struct Finding {
  std::uint32_t offset;  // in the volume, of the header or record that it's about
  Severity severity;
  FindingId id;
  friend constexpr bool operator==(const Finding&, const Finding&) = default;
};

// What that means, in one line without a full stop.
constexpr const char* to_string(FindingId id) {
  switch (id) {
    case FindingId::blank: return "nothing was ever stored; the next start writes an empty store";
    case FindingId::volume_signature: return "the volume's header has another signature than _FVH";
    case FindingId::volume_file_system: return "the volume's file system isn't that of variables";
    case FindingId::volume_header_length: return "the volume's header has an impossible length";
    case FindingId::store_signature: return "the store's header has an unknown signature";
    case FindingId::store_without_authentication: return "the store is of the format without authentication";
    case FindingId::store_format: return "the store's header says that it isn't formatted";
    case FindingId::store_state: return "the store's header says that it isn't healthy";
    case FindingId::store_size: return "the store's header has an impossible size";
    case FindingId::store_erased: return "the store is erased, and the spare area holds one with variables in it";
    case FindingId::volume_checksum: return "the volume's header has a wrong checksum";
    case FindingId::volume_length: return "the volume's header has another length or block size than the layout";
    case FindingId::work_header: return "the work area has no valid header; the next start writes an empty one";
    case FindingId::work_queue: return "the work area's queue can't be followed; the next start writes an empty one";
    case FindingId::work_remains: return "the work area has something behind its queue; the next start clears it";
    case FindingId::write_abandoned: return "a write was interrupted before its data was complete; it has no effect";
    case FindingId::write_unfinished:
      return "a write was interrupted after its data was complete; the next start ends it";
    case FindingId::write_unmarked: return "a write was interrupted when all was done but the mark of it";
    case FindingId::write_refused:
      return "an interrupted write would put something else in the store's place; it's ignored";
    case FindingId::record_unreachable: return "nothing leads from here to the variables behind";
    case FindingId::record_tail: return "something behind the last record is neither blank nor a record";
    case FindingId::record_interrupted: return "a record was interrupted before it was complete; it has no effect";
    case FindingId::record_replaced: return "a variable was being replaced; this older value has no effect";
    case FindingId::record_duplicate: return "a second record of a variable that has one; it has no effect";
    case FindingId::record_state: return "a record has an impossible state; it has no effect";
    case FindingId::record_sizes: return "a variable's record has lost its sizes";
    case FindingId::record_name: return "a variable's record has an impossible name";
    case FindingId::record_empty: return "a variable's record has no data";
    case FindingId::record_attributes: return "a variable has attributes that none can be written with";
  }
  return "unknown";
}

}  // namespace redoubt::variable
