// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/inspection.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/spare_store.hpp"
#include "drivers/variable/store/store_headers.hpp"
#include "drivers/variable/store/write_queue.hpp"

namespace redoubt::variable {

using format::RecordHeader;

namespace {

constexpr std::uint32_t writable_attributes = attribute::nv_bs_rt | attribute::hardware_error_record |
                                              attribute::authenticated_write |
                                              attribute::time_based_authenticated_write;

using Key = std::pair<std::u16string, std::string>;  // name, vendor

Key key_of(const VariableId& id) {
  return {std::u16string(id.name), std::string(reinterpret_cast<const char*>(&id.vendor), sizeof(id.vendor))};
}

// Of two records of one variable readers take the added one; of two added ones the first, of two being replaced the
// last: whether a later one takes the place of `earlier`.
bool is_superseded(RecordKind earlier) { return earlier == RecordKind::replacing; }

// Whether the next start ends the write that `queue` has.
bool will_complete(Bytes volume, const StoreLayout& layout, const WriteQueue& queue) {
  return queue.state == WriteState::pending && queue.plausible &&
         (queue.destination != 0 || find_records(volume.subspan(layout.spare, layout.store_size)).has_value());
}

// What the next start finds in the store's place.
std::vector<std::byte> next_store(Bytes volume, const StoreLayout& layout, const WriteQueue& queue) {
  std::vector<std::byte> store(volume.begin(), volume.begin() + layout.store_size);
  if (will_complete(volume, layout, queue)) {
    for (std::uint32_t index = 0; index < queue.size && queue.destination + index < store.size(); ++index) {
      store[queue.destination + index] = volume[layout.spare + index];
    }
  }
  return store;
}

// What keeps `store` closed in its headers; nothing if they are sound or nothing was ever stored.
std::optional<Finding> find_header_damage(Bytes store, Bytes volume, const StoreLayout& layout) {
  const auto space = find_records(store);
  if (space.has_value()) {
    return std::nullopt;
  }
  if (is_blank_store(store, layout.block_size)) {
    return spare_holds_store(volume, layout) ? std::optional(Finding{0, Severity::damage, FindingId::store_erased})
                                             : std::nullopt;
  }
  const bool in_volume_header = space.error() <= FindingId::volume_header_length;
  return Finding{in_volume_header ? 0 : std::uint32_t{load<format::VolumeHeader>(store, 0).fixed.header_length},
                 Severity::damage, space.error()};
}

class Inspection {
 public:
  Inspection(Bytes volume, const StoreLayout& layout) : volume_(volume), layout_(layout) {}

  std::vector<Finding> run() {
    const WriteQueue queue = read_write_queue(volume_, layout_);
    inspect_queue(queue);
    inspect_store(next_store(volume_, layout_, queue));
    std::ranges::stable_sort(findings_, {}, &Finding::offset);
    return std::move(findings_);
  }

 private:
  void report(std::uint32_t offset, Severity severity, FindingId id) { findings_.push_back({offset, severity, id}); }

  void inspect_queue(const WriteQueue& queue) {
    switch (queue.state) {
      case WriteState::no_queue: return report(layout_.work, Severity::note, FindingId::work_header);
      case WriteState::unreadable: return report(queue.header, Severity::note, FindingId::work_queue);
      case WriteState::idle: break;
      case WriteState::begun: report(queue.header, Severity::note, FindingId::write_abandoned); break;
      case WriteState::unmarked: report(queue.header, Severity::note, FindingId::write_unmarked); break;
      case WriteState::pending:
        if (will_complete(volume_, layout_, queue)) {
          report(queue.header, Severity::note, FindingId::write_unfinished);
        } else {
          report(queue.header, Severity::warning, FindingId::write_refused);
        }
        break;
    }
    if (!queue.clean) {
      report(queue.header, Severity::note, FindingId::work_remains);
    }
  }

  void inspect_store(Bytes store) {
    if (const auto damage = find_header_damage(store, volume_, layout_); damage.has_value()) {
      findings_.push_back(*damage);
      return;
    }
    const auto space = find_records(store);
    if (!space.has_value()) {
      return report(0, Severity::note, FindingId::blank);
    }
    const auto volume = load<format::VolumeHeader>(store, 0);
    if (!has_volume_checksum(store)) {
      report(0, Severity::warning, FindingId::volume_checksum);
    }
    if (volume.fixed.length != layout_.volume_size || volume.map[0].length != layout_.block_size) {
      report(0, Severity::warning, FindingId::volume_length);
    }
    inspect_records(store, *space);
  }

  void inspect_records(Bytes store, const RecordSpace& space) {
    std::optional<Finding> damage = find_damage(store, space);
    std::uint32_t offset = space.first_record;
    for (;;) {
      const Record record = read_record(store, offset, space.end);
      const bool is_damaged = damage.has_value() && damage->offset == offset;
      if (is_damaged) {
        findings_.push_back(*damage);
      }
      if (record.size == 0) {
        return is_damaged ? void() : inspect_tail(offset, store.subspan(offset, space.end - offset));
      }
      if (is_damaged && damage->id == FindingId::record_sizes) {
        return;  // what follows is this record's name
      }
      if (is_damaged) {
        damage = find_damage(store, {offset + record.size, space.end});
      } else {
        inspect_record(store, offset, record);
      }
      offset += record.size;
    }
  }

  void inspect_record(Bytes store, std::uint32_t offset, const Record& record) {
    switch (record.kind) {
      case RecordKind::added:
      case RecordKind::replacing: return inspect_variable(store, offset, record);
      case RecordKind::interrupted:
      case RecordKind::torn: return report(offset, Severity::note, FindingId::record_interrupted);
      case RecordKind::unknown: return report(offset, Severity::warning, FindingId::record_state);
      case RecordKind::deleted:
      case RecordKind::unreachable:
      case RecordKind::none: return;
    }
  }

  // What a power cut leaves behind the last record is a part of one header, without a state.
  void inspect_tail(std::uint32_t offset, Bytes tail) {
    if (is_blank(tail)) {
      return;
    }
    if (tail.size() >= sizeof(RecordHeader) && !is_blank(tail.first(sizeof(RecordHeader)))) {
      const auto header = load<RecordHeader>(tail, 0);
      if ((header.start & RecordHeader::expected_start) == RecordHeader::expected_start &&
          header.state == format::state::blank) {
        return report(offset, Severity::note, FindingId::record_interrupted);
      }
    }
    report(offset, Severity::warning, FindingId::record_tail);
  }

  void inspect_variable(Bytes store, std::uint32_t offset, const Record& record) {
    if ((record.header.attributes & ~writable_attributes) != 0 ||
        (record.header.attributes & attribute::nv_bs) != attribute::nv_bs) {
      report(offset, Severity::warning, FindingId::record_attributes);
    }
    const auto [place, is_new] =
        variables_.try_emplace(key_of(id_of(store, offset, record.header)), offset, record.kind);
    if (is_new) {
      return;
    }
    auto& [other, other_kind] = place->second;
    if (record.kind == RecordKind::added && other_kind == RecordKind::added) {
      return report(offset, Severity::warning, FindingId::record_duplicate);
    }
    const bool is_taken = is_superseded(other_kind);
    report(is_taken ? other : offset, Severity::note, FindingId::record_replaced);
    if (is_taken) {
      place->second = {offset, record.kind};
    }
  }

  Bytes volume_;
  StoreLayout layout_;
  std::vector<Finding> findings_;
  std::map<Key, std::pair<std::uint32_t, RecordKind>> variables_;
};

// ---- What can be found in a damaged store ----

FoundVariable copy_of(Bytes store, std::uint32_t offset, const Record& record) {
  const VariableId id = id_of(store, offset, record.header);
  const Bytes data = store.subspan(offset + sizeof(RecordHeader) + record.header.name_size, record.header.data_size);
  return {.offset = offset,
          .kind = record.kind,
          .attributes = record.header.attributes,
          .time_stamp = record.header.time_stamp,
          .vendor = id.vendor,
          .name = std::u16string(id.name),
          .data = std::vector<std::byte>(data.begin(), data.end())};
}

// The undamaged variables in [start, end) that are found by going from each record to the next.
std::vector<FoundVariable> read_in_reach(Bytes store, std::uint32_t start, std::uint32_t end) {
  std::vector<FoundVariable> found;
  std::map<Key, std::size_t> places;
  for (std::uint32_t offset = start; offset < end;) {
    const Record record = read_record(store, offset, end);
    if (record.is_live()) {
      FoundVariable copy = copy_of(store, offset, record);
      const auto [place, is_new] = places.try_emplace(key_of({copy.vendor, copy.name}), found.size());
      if (is_new) {
        found.push_back(std::move(copy));
      } else if (is_superseded(found[place->second].kind)) {
        found[place->second] = std::move(copy);
      }
    }
    offset += record.size;
  }
  std::ranges::sort(found, {}, &FoundVariable::offset);
  return found;
}

// Whether the next record can be looked for behind this one. Not behind a live record that is no variable: its size may
// be what is wrong.
bool leads_on(Bytes store, std::uint32_t offset, const Record& record) {
  const bool has_live_state =
      record.header.state == format::state::added || record.header.state == format::state::replacing;
  return record.size != 0 && (!has_live_state || is_variable(store, offset, record));
}

// The same from `start` on, wherever they stand: from each that is found one record leads to the next, and what looks
// like a record within another's data isn't taken for one. `base` is where `store` is in the volume.
void search(Bytes store, std::uint32_t start, std::uint32_t end, std::uint32_t base, DamagedStore& result) {
  std::uint32_t offset = start;
  while (offset < end) {
    const Record record = read_record(store, offset, end);
    if (leads_on(store, offset, record)) {
      if (record.is_live()) {
        result.out_of_reach.push_back(copy_of(store, offset, record));
        result.out_of_reach.back().offset += base;
      }
      offset += record.size;
      continue;
    }
    const std::uint32_t found = find_lost_variable(store, offset, end);
    std::uint32_t last = found;
    while (found == end && last > offset && store[last - 1] == std::byte{0xFF}) {
      --last;
    }
    if (last > offset) {
      result.unreadable.push_back({base + offset, base + last});
    }
    offset = found;
  }
}

}  // namespace

std::vector<Finding> inspect(Bytes volume, const StoreLayout& layout) { return Inspection(volume, layout).run(); }

std::optional<DamagedStore> find_damaged_store(Bytes volume, const StoreLayout& layout) {
  const std::vector<std::byte> store = next_store(volume, layout, read_write_queue(volume, layout));
  DamagedStore result;
  if (const auto damage = find_header_damage(store, volume, layout); damage.has_value()) {
    result.damage = *damage;
    if (damage->id == FindingId::store_erased) {
      const Bytes spare = volume.subspan(layout.spare, layout.store_size);
      const auto space = find_records(spare).value_or(RecordSpace{0, layout.store_size});
      search(spare, space.first_record, space.end, layout.spare, result);
    } else {
      // Records stand at multiples of their alignment from the store's start, whatever its headers say.
      const std::uint32_t start = damage->offset == 0 ? 0 : damage->offset + std::uint32_t{sizeof(format::StoreHeader)};
      search(store, start, layout.store_size, 0, result);
    }
    return result;
  }
  const auto space = find_records(store);
  const auto damage = space.has_value() ? find_damage(store, *space) : std::nullopt;
  if (!damage.has_value()) {
    return std::nullopt;
  }
  result.damage = *damage;
  result.in_reach = read_in_reach(store, space->first_record, damage->offset);
  search(store, damage->offset, space->end, 0, result);
  return result;
}

}  // namespace redoubt::variable
