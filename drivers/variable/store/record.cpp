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

}  // namespace

Record read_record(Bytes store, std::uint32_t offset, std::uint32_t end) {
  Record record;
  if (end - offset < sizeof(RecordHeader)) {
    return record;
  }
  record.header = load<RecordHeader>(store, offset);
  if (record.header.start != RecordHeader::expected_start || record.header.state == format::state::blank) {
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

}  // namespace redoubt::variable
