// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/record.hpp"

#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/flash_store.hpp"

namespace redoubt::variable {

using format::RecordHeader;

namespace {

RecordKind kind_of(std::uint8_t state) {
  namespace states = format::state;
  switch (state) {
    case states::added: return RecordKind::added;
    case states::replacing: return RecordKind::replacing;
    case states::header_valid: return RecordKind::interrupted;
    default: return (state | states::deleted_mask) == states::deleted_mask ? RecordKind::deleted : RecordKind::unknown;
  }
}

bool is_torn(const RecordHeader& header) {
  return header.state == format::state::blank || header.attributes == UINT32_MAX || header.name_size == UINT32_MAX ||
         header.data_size == UINT32_MAX;
}

bool has_live_state(const RecordHeader& header) {
  const RecordKind kind = kind_of(header.state);
  return kind == RecordKind::added || kind == RecordKind::replacing;
}

}  // namespace

Record read_record(Bytes store, std::uint32_t offset, std::uint32_t end) {
  Record record;
  if (end - offset < sizeof(RecordHeader)) {
    return record;
  }
  record.header = load<RecordHeader>(store, offset);
  if (record.header.start != RecordHeader::expected_start) {
    return record;
  }
  if (is_torn(record.header)) {
    record.kind = RecordKind::torn;
    record.size = sizeof(RecordHeader);
    return record;
  }
  const std::uint64_t size = FlashStore::record_size(record.header.name_size, record.header.data_size);
  if (size > end - offset) {
    record.kind = RecordKind::unreachable;
    return record;
  }
  record.kind = kind_of(record.header.state);
  record.size = static_cast<std::uint32_t>(size);
  return record;
}

VariableId id_of(Bytes store, std::uint32_t offset, const RecordHeader& header) {
  const Bytes name = store.subspan(offset + sizeof(RecordHeader), header.name_size);
  if (name.size() < 2 * sizeof(char16_t) || name.size() % sizeof(char16_t) != 0) {
    return {header.vendor, {}};
  }
  // Records stand at multiples of 4 in a mapped window, and names follow a header of 60 bytes.
  const std::u16string_view text(reinterpret_cast<const char16_t*>(name.data()), name.size() / sizeof(char16_t));
  if (text.find(u'\0') != text.size() - 1) {
    return {header.vendor, {}};
  }
  return {header.vendor, text.substr(0, text.size() - 1)};
}

bool is_variable(Bytes store, std::uint32_t offset, const Record& record) {
  return record.is_live() && record.header.data_size != 0 && !id_of(store, offset, record.header).name.empty();
}

std::uint32_t find_lost_variable(Bytes store, std::uint32_t from, std::uint32_t end) {
  for (std::uint32_t offset = from; offset < end && end - offset >= sizeof(RecordHeader);
       offset += format::record_alignment) {
    if (is_variable(store, offset, read_record(store, offset, end))) {
      return offset;
    }
  }
  return end;
}

std::optional<Finding> find_damage(Bytes store, const RecordSpace& space) {
  std::uint32_t offset = space.first_record;
  for (;;) {
    const Record record = read_record(store, offset, space.end);
    if (record.kind == RecordKind::unreachable || record.kind == RecordKind::none) {
      const bool is_live = record.kind == RecordKind::unreachable && has_live_state(record.header);
      if (is_live || find_lost_variable(store, offset, space.end) != space.end) {
        return Finding{offset, Severity::damage, FindingId::record_unreachable};
      }
      return std::nullopt;
    }
    if (record.kind == RecordKind::torn && has_live_state(record.header)) {
      return Finding{offset, Severity::damage, FindingId::record_sizes};
    }
    if (record.is_live() && !is_variable(store, offset, record)) {
      const bool is_empty = record.header.data_size == 0;
      return Finding{offset, Severity::damage, is_empty ? FindingId::record_empty : FindingId::record_name};
    }
    offset += record.size;
  }
}

}  // namespace redoubt::variable
