// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/flash_store.hpp"

#include <algorithm>
#include <array>

#include "base/checked.hpp"
#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/record.hpp"
#include "drivers/variable/store/store_headers.hpp"

namespace redoubt::variable {

using format::RecordHeader;

Result<void> FlashStore::format() {
  TRY(fault_tolerant_write_.begin(layout_.store_size));
  TRY(fault_tolerant_write_.add(make_store_headers(layout_)));
  TRY(fault_tolerant_write_.commit());
  return fault_tolerant_write_.finish();
}

Result<void> FlashStore::open() {
  open_ = false;
  failed_ = false;
  if (!layout_.is_sound() || layout_.block_size != flash_.block_size() ||
      layout_.volume_size != flash_.contents().size()) {
    return std::unexpected(Error::invalid_argument);
  }
  // A pending write has perhaps erased the store already. It isn't believed if it would put something else there.
  const WriteQueue queue = read_write_queue(flash_.contents(), layout_);
  if (queue.state == WriteState::pending && queue.plausible &&
      (queue.destination != 0 ||
       find_records(flash_.contents().subspan(layout_.spare, layout_.store_size)).has_value())) {
    TRY(fault_tolerant_write_.complete(queue));
  }
  auto space = find_records(store_bytes());
  if (!space.has_value() && !is_blank_store(store_bytes(), layout_.block_size)) {
    damage_ = space.error();
    return std::unexpected(Error::malformed);
  }
  TRY(fault_tolerant_write_.prepare());
  if (!space.has_value()) {
    TRY(format());
    space = find_records(store_bytes());
    if (!space.has_value()) {
      return std::unexpected(Error::device);
    }
  }
  first_record_ = space->first_record;
  end_ = space->end;
  const Result<void> scanned = scan();
  flash_.settle();
  TRY(scanned);
  used_ = 0;
  used_by_hardware_errors_ = 0;
  for (const Variable* variable = table_.first_non_volatile(); variable != nullptr; variable = variable->next) {
    account(*variable, true);
  }
  open_ = true;
  return {};
}

void FlashStore::account(const Variable& variable, bool in_use) {
  const std::uint32_t size = in_use ? record_size(variable) : 0U - record_size(variable);
  used_ += size;
  if (variable.has(attribute::hardware_error_record)) {
    used_by_hardware_errors_ += size;
  }
}

Result<void> FlashStore::scan() {
  append_ = first_record_;
  for (;;) {
    const Record record = read_record(flash_.contents(), append_, end_);
    switch (record.kind) {
      case RecordKind::added:
      case RecordKind::replacing: TRY(enter(append_, record.header)); break;
      case RecordKind::interrupted:
        // A cut came before its data was whole. Stock firmware passes over it as it is, other readers don't.
        TRY(make_void(append_));
        break;
      case RecordKind::deleted:
      case RecordKind::unknown: break;
      case RecordKind::unreachable:
        // Not what a power cut leaves. Nothing behind it can be found, by no reader.
        close_tail();
        return {};
      case RecordKind::none: return recover_tail();
    }
    append_ += record.size;
  }
}

// Makes [append_, end_) blank again for all readers, if it isn't, by turning what a cut left of a record into a whole
// record without meaning. Where that can't be done the next record reclaims the store.
Result<void> FlashStore::recover_tail() {
  constexpr std::uint32_t header_size = sizeof(RecordHeader);
  const auto is_blank_from = [this](std::uint64_t offset) {
    return is_blank(store_bytes().subspan(static_cast<std::size_t>(offset), end_ - static_cast<std::size_t>(offset)));
  };
  if (is_blank_from(append_)) {
    return {};
  }
  if (end_ - append_ < header_size) {
    close_tail();
    return {};
  }
  const auto header = load<RecordHeader>(flash_.contents(), append_);
  if ((header.start & RecordHeader::expected_start) != RecordHeader::expected_start) {
    close_tail();
    return {};
  }
  std::uint64_t size = header_size;
  if (is_blank_from(append_ + header_size)) {
    // Our own order of writing leaves this: a header of which no field can be believed. Zeroes in all of them can
    // always be programmed, and every reader takes the result for a deleted record.
    constexpr std::array<std::byte, header_size - offsetof(RecordHeader, reserved)> nothing{};
    TRY(flash_.program(append_ + std::uint32_t{offsetof(RecordHeader, reserved)}, nothing));
  } else {
    // Stock firmware writes the whole record before its first state.
    size = record_size(header.name_size, header.data_size);
    if (header.start != RecordHeader::expected_start || size > end_ - append_ || !is_blank_from(append_ + size)) {
      close_tail();
      return {};
    }
  }
  TRY(make_void(append_));
  TRY(flash_.program(append_, bytes_of(RecordHeader::expected_start)));
  flash_.settle();
  append_ += static_cast<std::uint32_t>(size);
  return {};
}

// Enters a live record. Of two with the same name readers take the added one, of two added ones the first, of two
// being replaced the last; the other is deleted, lest it comes back when this one goes.
Result<void> FlashStore::enter(std::uint32_t record, const RecordHeader& header) {
  const Bytes window = flash_.contents();
  const VariableId id = id_of(window, record, header);
  // A variable in flash is non-volatile, or the record isn't what its writer wrote.
  if (id.name.empty() || header.data_size == 0 || (header.attributes & attribute::non_volatile) == 0) {
    return {};
  }
  Variable* variable = table_.find(id);
  if (variable != nullptr) {
    const auto other = load<RecordHeader>(window, variable->record);
    const std::uint32_t loser = header.state == format::state::added && other.state == format::state::added ? record
                                : header.state == format::state::replacing && other.state == format::state::added
                                    ? record
                                    : variable->record;
    const std::uint8_t loser_state = loser == record ? header.state : other.state;
    TRY(set_state(loser, loser_state & format::state::deleted_mask));
    flash_.settle();
    if (loser == record) {
      return {};
    }
  } else {
    variable = table_.take_node();
    if (variable == nullptr) {
      return std::unexpected(Error::out_of_memory);
    }
  }
  const bool is_new = variable->content == nullptr;
  variable->content = window.data() + record + offsetof(RecordHeader, vendor);
  variable->attributes = header.attributes;
  variable->time_stamp = header.time_stamp;
  variable->name_size = header.name_size;
  variable->data_size = header.data_size;
  variable->record = record;
  if (is_new) {
    table_.insert(*variable, id);
  }
  return {};
}

Result<void> FlashStore::set_state(std::uint32_t record, std::uint8_t state) {
  return flash_.program(record + std::uint32_t{offsetof(RecordHeader, state)}, bytes_of(state));
}

// The deleted bit first, alone: with some of the other bits cleared and that one not, the record would be an added one.
Result<void> FlashStore::make_void(std::uint32_t record) {
  flash_.settle();
  const int deleted = load<RecordHeader>(flash_.contents(), record).state & format::state::deleted_mask;
  TRY(set_state(record, static_cast<std::uint8_t>(deleted)));
  TRY(set_state(record, format::state::void_record));
  flash_.settle();
  return {};
}

RecordHeader FlashStore::NewRecord::header(std::uint8_t state) const {
  RecordHeader header{};
  header.start = RecordHeader::expected_start;
  header.state = state;
  header.attributes = attributes;
  header.time_stamp = time_stamp;
  header.name_size = id.name_size();
  header.data_size = static_cast<std::uint32_t>(data.size());
  header.vendor = id.vendor;
  return header;
}

Result<void> FlashStore::append(std::uint32_t record, const NewRecord& added) {
  const RecordHeader header = added.header(format::state::blank);
  TRY(flash_.program(record, bytes_of(header)));
  TRY(set_state(record, format::state::header_valid));

  const std::uint32_t name = record + std::uint32_t{sizeof(header)};
  constexpr char16_t terminator = 0;
  TRY(flash_.program(name, std::as_bytes(std::span(added.id.name))));
  TRY(flash_.program(name + header.name_size - std::uint32_t{sizeof(terminator)}, bytes_of(terminator)));
  TRY(flash_.program(name + header.name_size, added.data));
  if (added.old != nullptr) {
    TRY(set_state(added.old->record, format::state::replacing));
  }
  return set_state(record, format::state::added);
}

void FlashStore::assign(Variable& variable, const NewRecord& added, std::uint32_t record, const std::byte* content) {
  variable.content = content;
  variable.attributes = added.attributes;
  variable.time_stamp = added.time_stamp;
  variable.name_size = added.id.name_size();
  variable.data_size = static_cast<std::uint32_t>(added.data.size());
  variable.record = record;
}

Result<void> FlashStore::write(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp, Bytes data,
                               Variable* old) {
  if (!open_ || failed_) {
    return std::unexpected(Error::device);
  }
  const NewRecord added{id, attributes, time_stamp, data, old};
  const bool fits = added.size() <= end_ - append_;
  const std::uint32_t kept = used_ - (old != nullptr ? record_size(*old) : 0);
  if (!fits && added.size() > capacity() - kept) {
    return std::unexpected(Error::out_of_memory);
  }
  Variable* variable = old != nullptr ? old : table_.take_node();
  if (variable == nullptr) {
    return std::unexpected(Error::out_of_memory);
  }
  if (!fits) {
    return reclaim(&added, variable);
  }
  const std::uint32_t record = append_;
  const Result<void> appended = append(record, added);
  if (!appended.has_value()) {
    flash_.settle();
    failed_ = true;
    if (old == nullptr) {
      table_.give_back_node(*variable);
    }
    return appended;
  }
  if (old != nullptr) {
    // The new value is in force whatever becomes of this; open() repeats it.
    static_cast<void>(set_state(old->record, format::state::replacing & format::state::deleted_mask));
    account(*old, false);
  }
  flash_.settle();
  append_ += static_cast<std::uint32_t>(added.size());
  assign(*variable, added, record, flash_.contents().data() + record + offsetof(RecordHeader, vendor));
  account(*variable, true);
  if (old == nullptr) {
    table_.insert(*variable, id);
  }
  return {};
}

Result<void> FlashStore::remove(Variable& variable) {
  if (!open_ || failed_) {
    return std::unexpected(Error::device);
  }
  const Result<void> deleted = set_state(variable.record, format::state::replacing & format::state::deleted_mask);
  flash_.settle();
  TRY(deleted);
  account(variable, false);
  table_.remove(variable);
  table_.give_back_node(variable);
  return {};
}

Result<void> FlashStore::make_room(std::uint32_t wanted) {
  if (!open_ || failed_) {
    return std::unexpected(Error::device);
  }
  constexpr std::uint32_t worthwhile = 16;
  const std::uint32_t deleted = append_ - first_record_ - used_;
  if (end_ - append_ >= wanted || deleted < capacity() / worthwhile) {
    return {};
  }
  return reclaim(nullptr, nullptr);
}

// The table's order is the order of the new store; the new record takes the place of the one that it replaces.
Result<void> FlashStore::gather(const NewRecord* added) {
  const auto add_new = [&]() -> Result<void> {
    constexpr char16_t terminator = 0;
    TRY(fault_tolerant_write_.add(bytes_of(added->header(format::state::added))));
    TRY(fault_tolerant_write_.add(std::as_bytes(std::span(added->id.name))));
    TRY(fault_tolerant_write_.add(bytes_of(terminator)));
    TRY(fault_tolerant_write_.add(added->data));
    fault_tolerant_write_.align(format::record_alignment);
    return {};
  };
  TRY(fault_tolerant_write_.begin(layout_.store_size));
  TRY(fault_tolerant_write_.add_from_flash(0, first_record_));
  for (const Variable* variable = table_.first_non_volatile(); variable != nullptr; variable = variable->next) {
    if (added != nullptr && variable == added->old) {
      TRY(add_new());
      continue;
    }
    auto header = load<RecordHeader>(flash_.contents(), variable->record);
    header.state = format::state::added;
    TRY(fault_tolerant_write_.add(bytes_of(header)));
    TRY(fault_tolerant_write_.add_from_flash(variable->record + std::uint32_t{sizeof(header)},
                                             variable->name_size + variable->data_size));
    fault_tolerant_write_.align(format::record_alignment);
  }
  if (added != nullptr && added->old == nullptr) {
    TRY(add_new());
  }
  return {};
}

// Says where the records of the new store are, which is in the window at `store`.
void FlashStore::relocate(const NewRecord* added, Variable* node, std::uint32_t store) {
  const std::byte* contents = flash_.contents().data() + store + offsetof(RecordHeader, vendor);
  append_ = first_record_;
  const auto place = [&](Variable& variable) {
    variable.record = append_;
    variable.content = contents + append_;
    append_ += record_size(variable);
  };
  if (added != nullptr && added->old != nullptr) {
    account(*node, false);
    assign(*node, *added, 0, nullptr);
    account(*node, true);
  }
  for (Variable* variable = table_.first_non_volatile(); variable != nullptr; variable = variable->next) {
    place(*variable);
  }
  if (added != nullptr && added->old == nullptr) {
    assign(*node, *added, 0, nullptr);
    place(*node);
    account(*node, true);
    table_.insert(*node, added->id);
  }
}

Result<void> FlashStore::reclaim(const NewRecord* added, Variable* node) {
  Result<void> gathered = gather(added);
  if (gathered.has_value()) {
    gathered = fault_tolerant_write_.commit();
  }
  if (!gathered.has_value()) {
    failed_ = true;
    if (added != nullptr && added->old == nullptr) {
      table_.give_back_node(*node);
    }
    return gathered;
  }
  const Result<void> finished = fault_tolerant_write_.finish();
  // Where the store is now is perhaps half of it; the spare area has it all until the next start completes the write.
  failed_ = !finished.has_value();
  relocate(added, node, failed_ ? layout_.spare : 0);
  return finished;
}

}  // namespace redoubt::variable
