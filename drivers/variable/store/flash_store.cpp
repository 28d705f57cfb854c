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

// How much of what a pending write puts in the store's place counts: up to the last record if all that follows is
// blank.
std::uint32_t FlashStore::content_of(const WriteQueue& queue) const {
  const Bytes spare = flash_.contents().subspan(layout_.spare, queue.size);
  const auto space = find_records(spare);
  if (queue.destination != 0 || !space.has_value()) {
    return queue.size;
  }
  std::uint32_t offset = space->first_record;
  for (Record record = read_record(spare, offset, space->end); record.size != 0;
       record = read_record(spare, offset, space->end)) {
    offset += record.size;
  }
  return is_blank(spare.subspan(offset)) ? offset : queue.size;
}

// Ends the write that was interrupted. It has perhaps erased the store already. It isn't believed if it would put
// something else there.
Result<void> FlashStore::complete_write() {
  const WriteQueue queue = read_write_queue(flash_.contents(), layout_);
  if (queue.state != WriteState::pending || !queue.plausible) {
    return {};
  }
  const auto space = find_records(flash_.contents().subspan(layout_.spare, layout_.store_size));
  if (queue.destination == 0 && !space.has_value()) {
    return {};
  }
  const Result<void> completed = fault_tolerant_write_.complete(queue, content_of(queue));
  if (completed.has_value() || queue.destination >= layout_.store_size) {
    return {};
  }
  if (queue.destination != 0 || space->end > queue.size) {
    return completed;  // neither place has all of the store
  }
  base_ = layout_.spare;
  is_read_only_ = true;
  return {};
}

Result<void> FlashStore::open() {
  open_ = false;
  is_read_only_ = false;
  failed_reclaims_ = 0;
  has_undeleted_ = false;
  base_ = 0;
  if (!layout_.is_sound() || layout_.block_size != flash_.block_size() ||
      layout_.volume_size != flash_.contents().size()) {
    return std::unexpected(Error::invalid_argument);
  }
  TRY(complete_write());
  auto space = find_records(store_bytes());
  if (!space.has_value() && !is_blank_store(store_bytes(), layout_.block_size)) {
    damage_ = space.error();
    return std::unexpected(Error::malformed);
  }
  if (!is_read_only_) {
    // Without it records can be appended all the same, and a reclaim tries again.
    static_cast<void>(fault_tolerant_write_.prepare());
  }
  if (!space.has_value()) {
    TRY(format());
    space = find_records(store_bytes());
    if (!space.has_value()) {
      return std::unexpected(Error::device);
    }
  }
  first_record_ = base_ + space->first_record;
  end_ = base_ + space->end;
  append_ = first_record_;
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

// What can't be put right here has no effect on what readers find: flash that fails is no error.
Result<void> FlashStore::scan() {
  for (;;) {
    const Record record = read_record(flash_.contents(), append_, end_);
    switch (record.kind) {
      case RecordKind::added:
      case RecordKind::replacing: TRY(enter(append_, record.header)); break;
      case RecordKind::interrupted:
        // A cut came before its data was whole. Stock firmware passes over it as it is, other readers don't.
        make_void(append_);
        break;
      case RecordKind::deleted:
      case RecordKind::unknown: break;
      case RecordKind::unreachable:
        // Not what a power cut leaves. Nothing behind it can be found, by no reader.
        close_tail();
        return {};
      case RecordKind::none: recover_tail(); return {};
    }
    append_ += record.size;
  }
}

// Makes [append_, end_) blank again for all readers, if it isn't, by turning what a cut left of a record, and cells
// that can't be erased, into whole records without meaning. Where that can't be done the next record reclaims the
// store.
void FlashStore::recover_tail() {
  constexpr std::uint32_t header_size = sizeof(RecordHeader);
  while (!is_blank(flash_.contents().subspan(append_, end_ - append_))) {
    const std::uint32_t room = end_ - append_;
    if (is_read_only_ || room < header_size) {
      return close_tail();
    }
    const Bytes tail = flash_.contents().subspan(append_, room);
    const auto header = load<RecordHeader>(tail, 0);
    if ((header.start & RecordHeader::expected_start) != RecordHeader::expected_start) {
      return close_tail();
    }
    const std::uint64_t said = record_size(header.name_size, header.data_size);
    std::uint32_t size = header_size;
    if (is_blank(tail.first(header_size))) {
      // Cells that are worn, further on: they become some record's data.
      std::uint32_t end = room;
      while (tail[end - 1] == std::byte{0xFF}) {
        --end;
      }
      size = align_up(end, format::record_alignment);
      const std::uint32_t sizes[] = {0, size - header_size};
      static_cast<void>(flash_.program(append_ + std::uint32_t{offsetof(RecordHeader, name_size)}, bytes_of(sizes)));
    } else if (header.start == RecordHeader::expected_start && said <= room && !is_blank(tail.subspan(header_size))) {
      // Stock firmware writes the whole record before its first state.
      size = static_cast<std::uint32_t>(said);
    } else {
      // Our own order of writing leaves this: a header of which no field can be believed. Zeroes in all of them can
      // always be programmed, and every reader takes the result for a deleted record.
      constexpr std::array<std::byte, header_size - offsetof(RecordHeader, reserved)> nothing{};
      static_cast<void>(flash_.program(append_ + std::uint32_t{offsetof(RecordHeader, reserved)}, nothing));
    }
    // No state before the sizes are what they should be, no start before the state.
    flash_.settle();
    const auto sized = load<RecordHeader>(flash_.contents(), append_);
    if (record_size(sized.name_size, sized.data_size) != size || !make_void(append_)) {
      return close_tail();
    }
    static_cast<void>(flash_.program(append_, bytes_of(RecordHeader::expected_start)));
    flash_.settle();
    const Record made = read_record(flash_.contents(), append_, end_);
    if (made.size != size || made.is_live()) {
      return close_tail();
    }
    append_ += size;
  }
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
    if (!is_read_only_) {
      static_cast<void>(set_state(loser, loser_state & format::state::deleted_mask));
    }
    has_undeleted_ = has_undeleted_ || !is_deleted(loser);
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

bool FlashStore::is_deleted(std::uint32_t record) {
  flash_.settle();
  return (load<RecordHeader>(flash_.contents(), record).state | format::state::deleted_mask) ==
         format::state::deleted_mask;
}

// The deleted bit first, alone: with some of the other bits cleared and that one not, the record would be an added one.
bool FlashStore::make_void(std::uint32_t record) {
  if (!is_read_only_ && !is_deleted(record)) {
    const int deleted = load<RecordHeader>(flash_.contents(), record).state & format::state::deleted_mask;
    static_cast<void>(set_state(record, static_cast<std::uint8_t>(deleted)));
  }
  if (is_read_only_ || !is_deleted(record)) {
    return false;
  }
  static_cast<void>(set_state(record, format::state::void_record));
  flash_.settle();
  return true;
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

// What was written is read back before the old record is touched: until then nothing is lost whatever flash did.
Result<void> FlashStore::append(std::uint32_t record, const NewRecord& added) {
  const RecordHeader header = added.header(format::state::blank);
  TRY(flash_.program(record, bytes_of(header)));
  TRY(set_state(record, format::state::header_valid));

  const std::uint32_t name = record + std::uint32_t{sizeof(header)};
  constexpr char16_t terminator = 0;
  const Bytes characters = std::as_bytes(std::span(added.id.name));
  const std::uint32_t data = name + header.name_size;
  TRY(flash_.program(name, characters));
  TRY(flash_.program(data - std::uint32_t{sizeof(terminator)}, bytes_of(terminator)));
  TRY(flash_.program(data, added.data));
  flash_.settle();
  const RecordHeader expected = added.header(format::state::header_valid);
  const auto holds = [&](std::uint32_t offset, Bytes bytes) {
    return __builtin_memcmp(flash_.contents().data() + offset, bytes.data(), bytes.size()) == 0;
  };
  if (!holds(record, bytes_of(expected)) || !holds(name, characters) ||
      !holds(data - std::uint32_t{sizeof(terminator)}, bytes_of(terminator)) || !holds(data, added.data)) {
    return std::unexpected(Error::device);
  }
  if (added.old != nullptr) {
    TRY(set_state(added.old->record, format::state::replacing));
  }
  return set_state(record, format::state::added);
}

// Whether the new record is in force, whatever flash said.
bool FlashStore::is_in_force(std::uint32_t record, const NewRecord& added) {
  flash_.settle();
  const auto state_of = [this](std::uint32_t offset) { return load<RecordHeader>(flash_.contents(), offset).state; };
  return state_of(record) == format::state::added &&
         (added.old == nullptr || state_of(added.old->record) != format::state::added);
}

// Appends the new record, at the next place if flash is worn at the first one. Where that fails the old one is in
// force.
Result<void> FlashStore::append_somewhere(const NewRecord& added, std::uint32_t& record) {
  constexpr int places = 4;
  for (int place = 0; place < places && added.size() <= end_ - append_; ++place) {
    record = append_;
    const Result<void> appended = append(record, added);
    if (appended.has_value() && is_in_force(record, added)) {
      return {};
    }
    flash_.settle();
    // What became of it is passed over, as it is after a cut.
    const Record written = read_record(flash_.contents(), record, end_);
    if (written.is_live() && !make_void(record)) {
      if (is_in_force(record, added)) {
        return {};
      }
      has_undeleted_ = true;
    } else {
      TRY(scan());
    }
    if (append_ == record) {
      close_tail();
    }
  }
  return std::unexpected(Error::device);
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
  if (!open_ || is_read_only_) {
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
  std::uint32_t record = 0;
  if (!fits || has_undeleted_ || !append_somewhere(added, record).has_value()) {
    return reclaim({.added = &added, .node = variable});
  }
  if (old != nullptr) {
    // The new value is in force whatever becomes of this; open() repeats it.
    static_cast<void>(set_state(old->record, format::state::replacing & format::state::deleted_mask));
    has_undeleted_ = !is_deleted(old->record);
    account(*old, false);
  }
  append_ = record + static_cast<std::uint32_t>(added.size());
  assign(*variable, added, record, flash_.contents().data() + record + offsetof(RecordHeader, vendor));
  account(*variable, true);
  if (old == nullptr) {
    table_.insert(*variable, id);
  }
  return {};
}

Result<void> FlashStore::remove(Variable& variable) {
  if (!open_ || is_read_only_) {
    return std::unexpected(Error::device);
  }
  if (!has_undeleted_) {
    static_cast<void>(set_state(variable.record, format::state::replacing & format::state::deleted_mask));
  }
  if (has_undeleted_ || !is_deleted(variable.record)) {
    return reclaim({.removed = &variable});
  }
  forget(variable);
  return {};
}

void FlashStore::forget(Variable& variable) {
  account(variable, false);
  table_.remove(variable);
  table_.give_back_node(variable);
}

Result<void> FlashStore::make_room(std::uint32_t wanted) {
  if (!open_ || is_read_only_) {
    return std::unexpected(Error::device);
  }
  constexpr std::uint32_t worthwhile = 16;
  const std::uint32_t deleted = append_ - first_record_ - used_;
  if (end_ - append_ >= wanted || deleted < capacity() / worthwhile) {
    return {};
  }
  return reclaim({});
}

// The table's order is the order of the new store; the new record takes the place of the one that it replaces.
Result<void> FlashStore::gather(const Change& change) {
  const NewRecord* added = change.added;
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
    if (variable == change.removed) {
      continue;
    }
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
void FlashStore::relocate(const Change& change, std::uint32_t store) {
  const NewRecord* added = change.added;
  Variable* node = change.node;
  if (change.removed != nullptr) {
    forget(*change.removed);
  }
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

Result<void> FlashStore::reclaim(const Change& change) {
  // Flash may fail once for another reason than wear.
  constexpr std::uint32_t patience = 4;
  const bool is_tried = failed_reclaims_ < patience;
  const Result<void> gathered = is_tried ? gather(change) : std::unexpected(Error::device);
  const Result<void> committed = gathered.has_value() ? fault_tolerant_write_.commit() : gathered;
  if (!committed.has_value()) {
    if (is_tried && !fault_tolerant_write_.give_up().has_value()) {
      // It may yet happen, and would take away what is appended.
      is_read_only_ = gathered.has_value();
    }
    failed_reclaims_ += is_tried ? 1 : 0;
    if (change.added != nullptr && change.added->old == nullptr) {
      table_.give_back_node(*change.node);
    }
    return committed;
  }
  const Result<void> finished = fault_tolerant_write_.finish();
  // Where the store is now is perhaps half of it; the spare area has it all until a start completes the write.
  is_read_only_ = !finished.has_value();
  has_undeleted_ = false;
  relocate(change, is_read_only_ ? layout_.spare : 0);
  if (!is_read_only_) {
    recover_tail();
  }
  // The change is in force.
  return {};
}

}  // namespace redoubt::variable
