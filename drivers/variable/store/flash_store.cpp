// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/flash_store.hpp"

#include <algorithm>
#include <array>

#include "base/checked.hpp"
#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/record.hpp"
#include "drivers/variable/store/spare_store.hpp"
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

namespace {

// Calls `visit` with each variable's offset and record, wherever they stand.
template <typename Visit>
void for_each_variable(Bytes store, Visit visit) {
  const auto end = static_cast<std::uint32_t>(store.size());
  for (std::uint32_t offset = find_lost_variable(store, 0, end); offset < end;
       offset = find_lost_variable(store, offset, end)) {
    const Record record = read_record(store, offset, end);
    visit(offset, record);
    offset += record.size;
  }
}

// Of a record that is whole, all that follows its state.
Bytes variable_bytes(Bytes store, std::uint32_t offset, const RecordHeader& header) {
  constexpr std::uint32_t start = offsetof(RecordHeader, attributes);
  return store.subspan(offset + start, sizeof(header) - start + header.name_size + header.data_size);
}

bool has_same_variable(Bytes store, Bytes content) {
  bool found = false;
  for_each_variable(store, [&](std::uint32_t offset, const Record& record) {
    found = found || std::ranges::equal(variable_bytes(store, offset, record.header), content);
  });
  return found;
}

// Whether a record of this variable is there, be it deleted.
bool has_trace_of(Bytes store, const VariableId& id) {
  const auto end = static_cast<std::uint32_t>(store.size());
  for (std::uint32_t offset = 0; offset < end; offset += format::record_alignment) {
    const Record record = read_record(store, offset, end);
    if (record.size > sizeof(RecordHeader) && id_of(store, offset, record.header) == id) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<Finding> FlashStore::find_damage_of(const Result<RecordSpace, FindingId>& space) const {
  if (space.has_value()) {
    return find_damage(store_bytes(), *space);
  }
  if (!is_blank_store(store_bytes(), layout_.block_size)) {
    const bool in_volume_header = space.error() <= FindingId::volume_header_length;
    const std::uint32_t store_header =
        in_volume_header ? 0U : load<format::VolumeHeader>(store_bytes(), 0).fixed.header_length;
    return Finding{store_header, Severity::damage, space.error()};
  }
  if (spare_holds_store(flash_.contents(), layout_)) {
    return Finding{0, Severity::damage, FindingId::store_erased};
  }
  return std::nullopt;
}

Result<void> FlashStore::open(Repair repair_mode) {
  open_ = false;
  is_read_only_ = false;
  failed_reclaims_ = 0;
  has_undeleted_ = false;
  base_ = 0;
  damage_.reset();
  if (!layout_.is_sound() || layout_.block_size != flash_.block_size() || layout_.volume_size != flash_.size()) {
    return std::unexpected(Error::invalid_argument);
  }
  TRY(flash_.load());
  TRY(complete_write());
  auto space = find_records(store_bytes());
  damage_ = find_damage_of(space);
  if (damage_.has_value()) {
    // Records without time stamps would have to be read in another way.
    const bool can_repair = damage_->id != FindingId::store_without_authentication && !is_read_only_;
    if (repair_mode == Repair::no || !can_repair) {
      TRY(space.has_value() ? enter_what_is_in_reach(*space) : Result<void>());
      return std::unexpected(Error::malformed);
    }
    const bool spare_has_it =
        damage_->id == FindingId::store_erased || (!space.has_value() && spare_is_more_complete());
    const Result<void> repaired = spare_has_it ? repair_from_spare() : repair(space);
    if (repaired.has_value()) {
      open_ = true;
      return {};
    }
    // What was found by searching isn't certain.
    while (Variable* variable = table_.first_non_volatile()) {
      forget(*variable);
    }
    TRY(space.has_value() ? enter_what_is_in_reach(*space) : Result<void>());
    return repaired;
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
  TRY(scan());
  count_space();
  open_ = true;
  return {};
}

void FlashStore::count_space() {
  used_ = 0;
  used_by_hardware_errors_ = 0;
  for (const Variable* variable = table_.first_non_volatile(); variable != nullptr; variable = variable->next) {
    account(*variable, true);
  }
}

Result<void> FlashStore::enter_what_is_in_reach(const RecordSpace& space) {
  is_read_only_ = true;
  first_record_ = base_ + space.first_record;
  end_ = base_ + space.end;
  close_tail();
  std::uint32_t offset = first_record_;
  for (Record record = read_record(flash_.contents(), offset, end_); record.size != 0;
       record = read_record(flash_.contents(), offset, end_)) {
    if (is_variable(flash_.contents(), offset, record)) {
      TRY(enter(offset, record.header));
    }
    offset += record.size;
  }
  count_space();
  return {};
}

// Entered in the queue as what it is, so that power may fail meanwhile.
Result<void> FlashStore::repair_from_spare() {
  const std::optional<Finding> damage = damage_;
  if (!find_records(flash_.contents().subspan(layout_.spare, layout_.store_size)).has_value()) {
    return std::unexpected(Error::malformed);
  }
  TRY(fault_tolerant_write_.begin_with_spare(layout_.store_size));
  TRY(fault_tolerant_write_.commit());
  TRY(fault_tolerant_write_.finish());
  TRY(open(Repair::yes));
  damage_ = damage;
  return {};
}

// A write that was cut while its destination was erased, and whose mark is lost, leaves more of the store there than
// here: variables that have no trace left here. That the spare area has more of them isn't enough, since it keeps what
// it had when the store was reclaimed last, and what was deleted or written since then is known here alone.
bool FlashStore::spare_is_more_complete() const {
  const Bytes store = store_bytes();
  const Bytes spare = flash_.contents().subspan(layout_.spare, layout_.store_size);
  if (!find_records(spare).has_value()) {
    return false;
  }
  std::uint32_t gone = 0;
  for_each_variable(spare, [&](std::uint32_t offset, const Record& record) {
    gone += has_trace_of(store, id_of(spare, offset, record.header)) ? 0 : 1;
  });
  std::uint32_t newer = 0;
  for_each_variable(store, [&](std::uint32_t offset, const Record& record) {
    newer += has_same_variable(spare, variable_bytes(store, offset, record.header)) ? 0 : 1;
  });
  return gone > newer;
}

// What leads from record to record is followed where it can be; where it leads nowhere the next variable is looked for.
// A store without sound headers is searched as a whole.
Result<void> FlashStore::repair(const Result<RecordSpace, FindingId>& space) {
  first_record_ = store_headers_size;
  end_ = layout_.store_size;
  std::uint32_t offset = space.has_value() ? space->first_record : 0;
  const std::uint32_t last = space.has_value() ? space->end : end_;
  // Losers stay where they are: the store is written anew.
  is_read_only_ = true;
  bool is_in_reach = space.has_value();
  while (offset < last) {
    const Record record = read_record(flash_.contents(), offset, last);
    if (is_variable(flash_.contents(), offset, record)) {
      // What was found by searching may be a part of some variable's data: it's not the value of a name that has one
      // for certain.
      const Variable* known = table_.find(id_of(flash_.contents(), offset, record.header));
      if (is_in_reach || known == nullptr || !is_certain(*known)) {
        TRY(enter(offset, record.header));
      }
      offset += record.size;
    } else if (record.size != 0 && !record.is_live()) {
      offset += record.size;
    } else {
      is_in_reach = false;
      offset = find_lost_variable(flash_.contents(), offset + format::record_alignment, last);
    }
  }
  is_read_only_ = false;
  count_space();
  return rewrite({.new_headers = true});
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
      case RecordKind::torn:
        // For readers without that rule, which would find nothing behind it. The next record stays where it is.
        close_header(append_);
        break;
      case RecordKind::deleted:
      case RecordKind::unknown: break;
      case RecordKind::unreachable:
        // It has no effect, and nothing that has stands behind it.
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
    if (is_read_only() || room < header_size) {
      return close_tail();
    }
    const Bytes tail = flash_.contents().subspan(append_, room);
    const auto header = load<RecordHeader>(tail, 0);
    if ((header.start & RecordHeader::expected_start) != RecordHeader::expected_start) {
      return close_tail();
    }
    std::uint32_t size = header_size;
    if (is_blank(tail.first(header_size))) {
      // Cells that are worn, further on: they become some record's data.
      std::uint32_t end = room;
      while (end > header_size && tail[end - 1] == std::byte{0xFF}) {
        --end;
      }
      size = align_up(end, format::record_alignment);
      // Without attributes stock firmware would take the sizes for none.
      const std::uint32_t attributes = 0;
      const std::uint32_t sizes[] = {0, size - header_size};
      static_cast<void>(
          flash_.program(append_ + std::uint32_t{offsetof(RecordHeader, attributes)}, bytes_of(attributes)));
      static_cast<void>(flash_.program(append_ + std::uint32_t{offsetof(RecordHeader, name_size)}, bytes_of(sizes)));
    } else {
      clear_header(append_);
    }
    // No state before the sizes are what they should be, no start before the state.
    const auto sized = load<RecordHeader>(flash_.contents(), append_);
    if (record_size(sized.name_size, sized.data_size) != size || !make_void(append_)) {
      return close_tail();
    }
    static_cast<void>(flash_.program(append_, bytes_of(RecordHeader::expected_start)));
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

std::uint8_t FlashStore::state_of(std::uint32_t record) const {
  return load<RecordHeader>(flash_.contents(), record).state;
}

bool FlashStore::is_deleted(std::uint32_t record) const {
  return (state_of(record) | format::state::deleted_mask) == format::state::deleted_mask;
}

bool FlashStore::is_certain(const Variable& variable) const {
  return !variable.is_volatile() && state_of(variable.record) == format::state::added;
}

// The deleted bit first, alone: with some of the other bits cleared and that one not, the record would be an added one.
bool FlashStore::make_void(std::uint32_t record) {
  if (!is_read_only() && !is_deleted(record)) {
    static_cast<void>(set_state(record, state_of(record) & format::state::deleted_mask));
  }
  if (is_read_only() || !is_deleted(record)) {
    return false;
  }
  static_cast<void>(set_state(record, state_of(record) & format::state::void_record));
  return true;
}

// What a cut leaves of a header: one of which no field can be believed. Zeroes in all of them can always be programmed,
// and with them every reader takes it for a record without name and data.
void FlashStore::clear_header(std::uint32_t record) {
  constexpr std::array<std::byte, sizeof(RecordHeader) - offsetof(RecordHeader, reserved)> nothing{};
  static_cast<void>(flash_.program(record + std::uint32_t{offsetof(RecordHeader, reserved)}, nothing));
}

// With a blank state it's torn whatever else a power cut leaves of this. With another one its sizes could come to lead
// elsewhere.
void FlashStore::close_header(std::uint32_t record) {
  if (is_read_only() || state_of(record) != format::state::blank) {
    return;
  }
  clear_header(record);
  const auto header = load<RecordHeader>(flash_.contents(), record);
  if (header.name_size == 0 && header.data_size == 0 && header.attributes == 0) {
    make_void(record);
  }
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

// Name and data in one piece if they are short: each write costs more than its bytes.
Result<void> FlashStore::program_content(std::uint32_t offset, const NewRecord& added) {
  constexpr char16_t terminator = 0;
  const Bytes name = std::as_bytes(std::span(added.id.name));
  const std::uint32_t data = offset + added.id.name_size();
  std::array<std::byte, 256> piece;
  const std::size_t size = added.id.name_size() + added.data.size();
  if (size <= piece.size()) {
    __builtin_memcpy(piece.data(), name.data(), name.size());
    __builtin_memcpy(piece.data() + name.size(), &terminator, sizeof(terminator));
    __builtin_memcpy(piece.data() + added.id.name_size(), added.data.data(), added.data.size());
    return flash_.program(offset, Bytes(piece).first(size));
  }
  TRY(flash_.program(offset, name));
  TRY(flash_.program(data - std::uint32_t{sizeof(terminator)}, bytes_of(terminator)));
  return flash_.program(data, added.data);
}

// All of it is known to be in flash before the old record is touched: until then nothing is lost whatever flash did.
Result<void> FlashStore::append(std::uint32_t record, const NewRecord& added) {
  const RecordHeader header = added.header(format::state::blank);
  TRY(flash_.program(record, bytes_of(header)));
  TRY(set_state(record, format::state::header_valid));

  TRY(program_content(record + std::uint32_t{sizeof(header)}, added));
  TRY(flash_.confirm());
  if (added.old != nullptr) {
    TRY(set_state(added.old->record, format::state::replacing));
  }
  return set_state(record, format::state::added);
}

// Appends the new record, at the next place if flash is worn at the first one. Where that fails the old one is in
// force.
Result<void> FlashStore::append_somewhere(const NewRecord& added, std::uint32_t& record) {
  constexpr int places = 4;
  for (int place = 0; place < places && added.size() <= end_ - append_; ++place) {
    record = append_;
    if (append(record, added).has_value()) {
      return {};
    }
    if (is_read_only()) {
      break;
    }
    if (flash_.is_disturbed()) {
      // Nothing comes behind what was written while the host interfered.
      close_tail();
      break;
    }
    pass_over(record);
  }
  return std::unexpected(Error::device);
}

// Its header, if it has one, is the one that was meant, or torn: nothing else is given a state. Without a start or with
// wrong sizes nothing may come behind it.
void FlashStore::pass_over(std::uint32_t record) {
  const Record written = read_record(flash_.contents(), record, end_);
  if (written.kind == RecordKind::interrupted) {
    make_void(record);
  } else if (written.kind == RecordKind::torn) {
    close_header(record);
  }
  if (written.is_live()) {
    return close_tail();
  }
  append_ = record + written.size;
  recover_tail();
  if (append_ == record) {
    close_tail();
  }
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
  if (!open_ || is_read_only()) {
    return std::unexpected(Error::device);
  }
  const NewRecord added{id, attributes, time_stamp, data, old};
  const bool fits = added.size() <= end_ - append_;
  const std::uint32_t kept = used_ - (old != nullptr ? record_size(*old) : 0);
  if (!fits && added.size() > capacity() - kept) {
    return std::unexpected(Error::out_of_memory);
  }
  const bool appends = fits && !has_undeleted_;
  if (appends) {
    const std::uint32_t old_record = old != nullptr ? old->record : append_;
    TRY(flash_.begin({{append_, static_cast<std::uint32_t>(added.size())}, {old_record, sizeof(RecordHeader)}}));
  }
  Variable* variable = old != nullptr ? old : table_.take_node();
  if (variable == nullptr) {
    return std::unexpected(Error::out_of_memory);
  }
  std::uint32_t record = 0;
  if (!appends || !append_somewhere(added, record).has_value()) {
    // Worn cells are a reason for a reclaim, what the host disturbs isn't.
    const bool is_disturbed = appends && flash_.is_disturbed();
    const Result<void> reclaimed =
        is_disturbed ? std::unexpected(Error::device) : reclaim({.added = &added, .node = variable});
    if (!reclaimed.has_value() && old == nullptr) {
      table_.give_back_node(*variable);
    }
    return reclaimed;
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
  if (!open_ || is_read_only()) {
    return std::unexpected(Error::device);
  }
  if (!has_undeleted_) {
    TRY(flash_.begin({{variable.record, sizeof(RecordHeader)}}));
    TRY(flash_.confirm());
    static_cast<void>(set_state(variable.record, format::state::replacing & format::state::deleted_mask));
    if (is_deleted(variable.record)) {
      forget(variable);
      return {};
    }
    if (flash_.is_disturbed()) {
      return std::unexpected(Error::device);
    }
  }
  return reclaim({.removed = &variable});
}

void FlashStore::forget(Variable& variable) {
  account(variable, false);
  table_.remove(variable);
  table_.give_back_node(variable);
}

Result<void> FlashStore::make_room(std::uint32_t wanted) {
  if (!open_ || is_read_only()) {
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
  TRY(fault_tolerant_write_.add(change.new_headers ? Bytes(make_store_headers(layout_))
                                                   : flash_.contents().first(first_record_)));
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
    TRY(fault_tolerant_write_.add(
        flash_.contents().subspan(variable->record + sizeof(header), variable->name_size + variable->data_size)));
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
  TRY(flash_.begin({{0, layout_.store_size}, {layout_.work, layout_.work_size}, {layout_.spare, layout_.spare_size}}));
  return rewrite(change);
}

Result<void> FlashStore::rewrite(const Change& change) {
  // Flash may fail once for another reason than wear.
  constexpr std::uint32_t patience = 4;
  if (failed_reclaims_ >= patience) {
    return std::unexpected(Error::device);
  }
  const auto prepare = [&]() -> Result<void> {
    TRY(gather(change));
    return flash_.confirm();
  };
  const Result<void> gathered = prepare();
  if (flash_.is_disturbed()) {
    return std::unexpected(Error::device);
  }
  const Result<void> committed = gathered.has_value() ? fault_tolerant_write_.commit() : gathered;
  if (!committed.has_value()) {
    if (!fault_tolerant_write_.give_up().has_value() && gathered.has_value()) {
      // It may yet happen, and would take away what is appended.
      is_read_only_ = true;
    }
    ++failed_reclaims_;
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
