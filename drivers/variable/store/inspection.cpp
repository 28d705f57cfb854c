// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/inspection.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/record.hpp"
#include "drivers/variable/store/store_headers.hpp"
#include "drivers/variable/store/write_queue.hpp"

namespace redoubt::variable {

namespace {

constexpr std::uint32_t writable_attributes = attribute::nv_bs_rt | attribute::hardware_error_record |
                                              attribute::authenticated_write |
                                              attribute::time_based_authenticated_write;

class Inspection {
 public:
  Inspection(Bytes volume, const StoreLayout& layout) : volume_(volume), layout_(layout) {}

  std::vector<Finding> run() {
    const WriteQueue queue = read_write_queue(volume_, layout_);
    std::vector<std::byte> store(volume_.begin(), volume_.begin() + layout_.store_size);
    inspect_queue(queue, store);
    inspect_store(store);
    std::ranges::stable_sort(findings_, {}, &Finding::offset);
    return std::move(findings_);
  }

 private:
  using Key = std::pair<std::u16string, std::string>;  // name, vendor

  void report(std::uint32_t offset, Severity severity, FindingId id) { findings_.push_back({offset, severity, id}); }

  // `store` becomes what the next start will find.
  void inspect_queue(const WriteQueue& queue, std::vector<std::byte>& store) {
    switch (queue.state) {
      case WriteState::no_queue: return report(layout_.work, Severity::note, FindingId::work_header);
      case WriteState::unreadable: return report(queue.header, Severity::note, FindingId::work_queue);
      case WriteState::idle: break;
      case WriteState::begun: report(queue.header, Severity::note, FindingId::write_abandoned); break;
      case WriteState::unmarked: report(queue.header, Severity::note, FindingId::write_unmarked); break;
      case WriteState::pending:
        if (!queue.plausible ||
            (queue.destination == 0 && !find_records(volume_.subspan(layout_.spare, layout_.store_size)).has_value())) {
          report(queue.header, Severity::warning, FindingId::write_refused);
          break;
        }
        report(queue.header, Severity::note, FindingId::write_unfinished);
        for (std::uint32_t index = 0; index < queue.size && queue.destination + index < store.size(); ++index) {
          store[queue.destination + index] = volume_[layout_.spare + index];
        }
        break;
    }
    if (!queue.clean) {
      report(queue.header, Severity::note, FindingId::work_remains);
    }
  }

  void inspect_store(Bytes store) {
    const auto space = find_records(store);
    if (!space.has_value()) {
      if (is_blank_store(store, layout_.block_size)) {
        return report(0, Severity::note, FindingId::blank);
      }
      const bool in_volume_header = space.error() <= FindingId::volume_header_length;
      return report(in_volume_header ? 0 : load<format::VolumeHeader>(store, 0).header_length, Severity::damage,
                    space.error());
    }
    const auto volume = load<format::VolumeHeader>(store, 0);
    if (!has_volume_checksum(store)) {
      report(0, Severity::warning, FindingId::volume_checksum);
    }
    if (volume.volume_length != layout_.volume_size || volume.map[0].block_size != layout_.block_size) {
      report(0, Severity::warning, FindingId::volume_length);
    }
    inspect_records(store, *space);
  }

  void inspect_records(Bytes store, const RecordSpace& space) {
    std::uint32_t offset = space.first_record;
    for (;;) {
      const Record record = read_record(store, offset, space.end);
      switch (record.kind) {
        case RecordKind::added:
        case RecordKind::replacing: inspect_live(store, offset, record); break;
        case RecordKind::interrupted: report(offset, Severity::note, FindingId::record_interrupted); break;
        case RecordKind::deleted: break;
        case RecordKind::unknown: report(offset, Severity::warning, FindingId::record_state); break;
        case RecordKind::unreachable: return report(offset, Severity::damage, FindingId::record_unreachable);
        case RecordKind::none: return inspect_tail(store, offset, space.end);
      }
      offset += record.size;
    }
  }

  // What a power cut leaves behind the last record is one record without a state.
  void inspect_tail(Bytes store, std::uint32_t offset, std::uint32_t end) {
    const Bytes tail = store.subspan(offset, end - offset);
    if (is_blank(tail)) {
      return;
    }
    const bool starts_a_record = tail.size() >= sizeof(format::RecordHeader) &&
                                 (load<format::RecordHeader>(tail, 0).start & format::RecordHeader::expected_start) ==
                                     format::RecordHeader::expected_start &&
                                 load<format::RecordHeader>(tail, 0).state == format::state::blank;
    if (starts_a_record) {
      report(offset, Severity::note, FindingId::record_interrupted);
    } else {
      report(offset, Severity::damage, FindingId::record_unreachable);
    }
  }

  void inspect_live(Bytes store, std::uint32_t offset, const Record& record) {
    const VariableId id = id_of(store, offset, record.header);
    if (id.name.empty()) {
      return report(offset, Severity::damage, FindingId::record_name);
    }
    if (record.header.data_size == 0) {
      return report(offset, Severity::damage, FindingId::record_empty);
    }
    if ((record.header.attributes & ~writable_attributes) != 0 ||
        (record.header.attributes & attribute::nv_bs) != attribute::nv_bs) {
      report(offset, Severity::warning, FindingId::record_attributes);
    }
    const Key key(id.name, std::string(reinterpret_cast<const char*>(&id.vendor), sizeof(id.vendor)));
    const auto [place, is_new] = variables_.try_emplace(key, offset, record.kind);
    if (is_new) {
      return;
    }
    // Readers take the added one; of two added ones the first, of two being replaced the last.
    auto& [other, other_kind] = place->second;
    if (record.kind == RecordKind::added && other_kind == RecordKind::added) {
      return report(offset, Severity::warning, FindingId::record_duplicate);
    }
    const std::uint32_t loser = other_kind == RecordKind::added ? offset : other;
    report(loser, Severity::note, FindingId::record_replaced);
    if (loser == other) {
      place->second = {offset, record.kind};
    }
  }

  Bytes volume_;
  StoreLayout layout_;
  std::vector<Finding> findings_;
  std::map<Key, std::pair<std::uint32_t, RecordKind>> variables_;
};

}  // namespace

std::vector<Finding> inspect(Bytes volume, const StoreLayout& layout) { return Inspection(volume, layout).run(); }

}  // namespace redoubt::variable
