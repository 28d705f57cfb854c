// SPDX-License-Identifier: BSD-2-Clause-Patent
// For tests: what stock firmware's variable driver (edk2's MdeModulePkg/Universal/Variable/RuntimeDxe, release
// edk2-stable202211) reads of a store, and in which order it writes one. Like StockWriter and StockReader it knows the
// layout by itself and shares nothing with the driver.
//
// How it reads: record after record, from the first place, as long as one starts with 0x55AA before the store's end.
// Where state, attributes or one of the sizes has all bits set, both sizes count as zero. The next record follows the
// sizes, at a multiple of 4. A record is live in state 0x3F, or 0x3E as long as none in 0x3F has its name; of the
// former the first counts, of the latter the last. A name is compared over as many bytes as the record says it has. No
// other field is looked at: neither attributes nor whether a name is a string or there is data.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "drivers/variable/flash/nor_model.hpp"
#include "drivers/variable/store/stock_reader.hpp"
#include "drivers/variable/store/stock_writer.hpp"

namespace redoubt::variable::test {

// What GetVariable returns, and the time stamp.
struct StockValue {
  std::uint32_t attributes = 0;
  std::array<std::byte, 16> time_stamp{};
  std::vector<std::byte> data;
  friend bool operator==(const StockValue&, const StockValue&) = default;
};

struct StockName {
  std::array<std::byte, 16> vendor{};
  std::u16string name;
  friend auto operator<=>(const StockName&, const StockName&) = default;
};

// A record that stock firmware steps on.
struct StockRecord {
  std::uint64_t offset = 0;
  std::uint64_t next = 0;
  std::uint32_t name_size = 0;  // both sizes as they count
  std::uint32_t data_size = 0;
  std::uint32_t attributes = 0;
  std::uint8_t state = 0;

  bool is_live() const { return state == 0x3F || state == 0x3E; }
};

class StockVariables {
 public:
  static constexpr std::uint64_t header_size = 60;

  // `volume` starts with valid headers.
  explicit StockVariables(Bytes volume) : volume_(volume) {
    std::uint16_t volume_header = 0;
    std::memcpy(&volume_header, volume.data() + 48, sizeof(volume_header));
    end_ = align(volume_header + std::uint64_t{number(volume_header + 16U)});
    first_ = align(volume_header + std::uint64_t{28});
    std::uint64_t offset = first_;
    while (offset < end_ && starts_a_record(offset)) {
      if (end_ - offset < header_size) {
        // Stock firmware goes on with what happens to lie behind its copy of the store.
        is_cut_off_ = true;
        break;
      }
      records_.push_back(record_at(offset));
      offset = records_.back().next;
    }
    free_ = offset;
  }

  // All records in reach; where they end, which may be behind the store, and where the store does.
  const std::vector<StockRecord>& records() const { return records_; }
  std::uint64_t free_space() const { return free_; }
  std::uint64_t end() const { return end_; }
  // Whether a start finds nothing behind the records; if there is something, it reclaims the store.
  bool is_blank_behind() const { return is_blank_from(std::min(free_, end_)); }

  // GetVariable. The record it comes from, null when there is none.
  const StockRecord* find(const StockName& name) const {
    const StockRecord* replaced = nullptr;
    for (const StockRecord& record : records_) {
      if (record.is_live() && has_name(record, name)) {
        if (record.state == 0x3F) {
          return &record;
        }
        replaced = &record;
      }
    }
    return replaced;
  }
  // The record being replaced that stock firmware deletes together with the one that find() finds.
  const StockRecord* find_replaced(const StockName& name) const {
    const StockRecord* replaced = nullptr;
    for (const StockRecord& record : records_) {
      if (record.is_live() && has_name(record, name)) {
        if (record.state == 0x3F) {
          return replaced;
        }
        replaced = &record;
      }
    }
    return nullptr;
  }
  std::optional<StockValue> get(const StockName& name) const {
    const StockRecord* record = find(name);
    return record != nullptr ? std::optional(value_of(*record)) : std::nullopt;
  }

  // The names that GetNextVariableName lists one after the other, up to the first that isn't one string, and no more
  // than `most`: it goes on behind the record that find() finds for the last name, so that of a variable with two live
  // records it may come back to the first. Of a record that has no name the caller keeps the name before it.
  std::vector<StockName> list(std::size_t most = 1000) const {
    std::vector<StockName> names;
    std::size_t index = 0;
    while (names.size() < most) {
      while (index < records_.size() && !is_listed(records_[index])) {
        ++index;
      }
      if (index == records_.size() || (records_[index].name_size != 0 && !is_well_named(records_[index]))) {
        break;
      }
      StockName name = name_of(records_[index]);
      if (records_[index].name_size == 0 && !names.empty()) {
        name.name = names.back().name;
      }
      names.push_back(name);
      // Without a name it starts anew.
      index = name.name.empty() ? 0 : static_cast<std::size_t>(find(name) - records_.data()) + 1;
    }
    return names;
  }

  // Of a live record: whether its name is one string, terminator last, as each writer of a record makes it.
  bool is_well_named(const StockRecord& record) const {
    if (record.name_size < 4 || record.name_size % 2 != 0 || record.next > end_) {
      return false;
    }
    return name_bytes(record).find(u'\0') == record.name_size / 2 - 1;
  }
  StockName name_of(const StockRecord& record) const {
    StockName name;
    std::memcpy(name.vendor.data(), volume_.data() + record.offset + 44, name.vendor.size());
    name.name = name_bytes(record);
    name.name.resize(std::min(name.name.size(), name.name.find(u'\0')));
    return name;
  }

  // What no start can make good. Live records whose sizes lead out of the store;
  bool has_live_leading_out() const {
    const bool is_live_cut_off =
        is_cut_off_ && (volume_[free_ + 2] == std::byte{0x3F} || volume_[free_ + 2] == std::byte{0x3E});
    return is_live_cut_off || std::any_of(records_.begin(), records_.end(), [this](const StockRecord& record) {
             return record.is_live() && record.next > end_;
           });
  }
  // and live records, whole ones, behind where the records in reach end.
  bool has_live_out_of_reach() const {
    return any_behind([this](const StockRecord& record) {
      return record.is_live() && record.next <= end_ && is_well_named(record) && record.data_size != 0 &&
             (record.attributes & 1U) != 0;
    });
  }
  // What may be one, perhaps damaged, or with a header that isn't all there.
  bool has_remains_out_of_reach() const {
    return is_cut_off_ || any_behind([](const StockRecord&) { return true; });
  }
  // Whether stock firmware answers for `name` with a record that no writer made: what that is worth is undefined.
  bool is_unclear(const StockName& name) const {
    const StockRecord* record = find(name);
    return record != nullptr && (!is_well_named(*record) || record->data_size == 0);
  }
  // Live records that no writer made: with no name, with less or more than one, with no data.
  bool has_live_without_sense() const {
    return std::any_of(records_.begin(), records_.end(), [this](const StockRecord& record) {
      return record.is_live() && (!is_well_named(record) || record.data_size == 0);
    });
  }
  bool has_live_twice() const {
    std::vector<StockName> names;
    for (const StockRecord& record : records_) {
      if (record.is_live() && is_well_named(record)) {
        names.push_back(name_of(record));
      }
    }
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) != names.end();
  }
  // A header that a power cut left unfinished.
  bool has_torn_header() const {
    return std::any_of(records_.begin(), records_.end(),
                       [](const StockRecord& record) { return record.next == record.offset + header_size; });
  }

  StockValue value_of(const StockRecord& record) const {
    StockValue value;
    value.attributes = record.attributes;
    std::memcpy(value.time_stamp.data(), volume_.data() + record.offset + 16, value.time_stamp.size());
    const std::uint64_t data = record.offset + header_size + record.name_size;
    const std::uint64_t last = std::min<std::uint64_t>(data + record.data_size, volume_.size());
    if (data < last) {
      value.data.assign(volume_.begin() + static_cast<std::ptrdiff_t>(data),
                        volume_.begin() + static_cast<std::ptrdiff_t>(last));
    }
    return value;
  }

  static std::uint64_t align(std::uint64_t offset) { return (offset + 3) & ~std::uint64_t{3}; }

 private:
  std::uint32_t number(std::uint64_t offset) const {
    std::uint32_t value = 0;
    std::memcpy(&value, volume_.data() + offset, sizeof(value));
    return value;
  }
  bool starts_a_record(std::uint64_t offset) const {
    return volume_[offset] == std::byte{0xAA} && volume_[offset + 1] == std::byte{0x55};
  }
  bool is_blank_from(std::uint64_t offset) const {
    return std::all_of(volume_.begin() + static_cast<std::ptrdiff_t>(offset),
                       volume_.begin() + static_cast<std::ptrdiff_t>(end_),
                       [](std::byte cell) { return cell == std::byte{0xFF}; });
  }
  StockRecord record_at(std::uint64_t offset) const {
    StockRecord record{.offset = offset,
                       .attributes = number(offset + 4),
                       .state = std::to_integer<std::uint8_t>(volume_[offset + 2])};
    const std::uint32_t name_size = number(offset + 36);
    const std::uint32_t data_size = number(offset + 40);
    if (record.state != 0xFF && record.attributes != UINT32_MAX && name_size != UINT32_MAX && data_size != UINT32_MAX) {
      record.name_size = name_size;
      record.data_size = data_size;
    }
    record.next = align(offset + header_size + record.name_size + record.data_size);
    return record;
  }
  std::u16string name_bytes(const StockRecord& record) const {
    const std::uint64_t name = record.offset + header_size;
    const std::uint64_t size = std::min<std::uint64_t>(record.name_size, volume_.size() - name);
    std::u16string text(size / 2, u'\0');
    std::memcpy(text.data(), volume_.data() + name, text.size() * 2);
    return text;
  }
  // A record that says to have a longer name than the one that is asked for would be compared with what follows that.
  bool has_name(const StockRecord& record, const StockName& name) const {
    return std::memcmp(name.vendor.data(), volume_.data() + record.offset + 44, name.vendor.size()) == 0 &&
           record.name_size <= (name.name.size() + 1) * 2 && record.name_size <= volume_.size() - record.offset - 60 &&
           std::memcmp(name.name.c_str(), volume_.data() + record.offset + header_size, record.name_size) == 0;
  }
  bool is_listed(const StockRecord& record) const {
    if (record.state != 0x3E) {
      return record.state == 0x3F;
    }
    return !is_well_named(record) || find(name_of(record))->state != 0x3F;
  }
  // Behind the end there is no next record to go to: one may start at every multiple of 4.
  template <typename Predicate>
  bool any_behind(Predicate predicate) const {
    std::uint64_t offset = free_;
    if (!records_.empty() && records_.back().next > end_) {
      offset = records_.back().offset + header_size;
    }
    for (; offset + header_size <= end_; offset += 4) {
      if (starts_a_record(offset) && predicate(record_at(offset))) {
        return true;
      }
    }
    return false;
  }

  Bytes volume_;
  std::vector<StockRecord> records_;
  std::uint64_t first_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t free_ = 0;
  bool is_cut_off_ = false;
};

// What can be expected of the driver about a store, by the first of these that applies to it.
struct StockClass {
  const char* name;
  bool may_open;  // and then agrees with stock firmware
  bool may_refuse;
};
inline constexpr StockClass stock_classes[] = {
    {"live_leads_out", false, true},       // a live record's sizes lead out of the store
    {"live_out_of_reach", false, true},    // a live record stands behind what can be walked
    {"live_without_sense", true, true},    // a live record has no name, less or more than one, or no data
    {"not_non_volatile", true, true},      // a live record says to be volatile
    {"remains_out_of_reach", true, true},  // something that starts a record stands behind what can be walked
    {"not_blank_behind", true, false},     // something else does
    {"live_twice", true, false},           // a variable has two live records
    {"torn_header", true, false},          // a header was interrupted
    {"sound", true, false},
};
inline std::size_t stock_class_of(Bytes volume) {
  const StockVariables stock(volume);
  const bool has_volatile =
      std::any_of(stock.records().begin(), stock.records().end(), [&stock](const StockRecord& record) {
        return record.is_live() && stock.is_well_named(record) && (record.attributes & 1U) == 0;
      });
  const bool applies[] = {stock.has_live_leading_out(),
                          stock.has_live_out_of_reach(),
                          stock.has_live_without_sense(),
                          has_volatile,
                          stock.has_remains_out_of_reach(),
                          !stock.is_blank_behind(),
                          stock.has_live_twice(),
                          stock.has_torn_header(),
                          true};
  static_assert(std::size(applies) == std::size(stock_classes));
  return static_cast<std::size_t>(std::find(std::begin(applies), std::end(applies), true) - std::begin(applies));
}

// Writes variables as stock firmware does, byte after byte in ascending order, through a flash whose power can fail.
// What it knows of the store it knows from its start, as there is no second look at the flash. Limits of a variable's
// size and of what hardware error records may take are left out.
class StockVariableWriter {
 public:
  StockVariableWriter(NorModel& flash, const StoreLayout& layout) : flash_(flash), layout_(layout) {}

  // Ends fault-tolerant writes, and reclaims the store if something is behind its records. Like the others: whether it
  // came to its end.
  bool start() {
    StockReader(flash_.cells(), layout_).start();
    const StockVariables variables(flash_.cells());
    free_ = variables.free_space();
    return variables.is_blank_behind() || reclaim(nullptr, nullptr, {});
  }

  // The old record, if there is one: replaced; the new one: header, state, name and data, state; the old ones: deleted.
  bool set(const StockName& name, const StockValue& value) {
    const StockVariables variables(flash_.cells());
    const StockRecord* old = variables.find(name);
    if (old != nullptr && variables.value_of(*old).data == value.data && value.time_stamp == StockValue().time_stamp) {
      return true;
    }
    const StockRecord* replaced = old != nullptr ? variables.find_replaced(name) : nullptr;
    std::vector<std::byte> record = make_record(name, value);
    if (old != nullptr && !clear_state(*old, 0xFE)) {
      return false;
    }
    if (free_ + record.size() > variables.end()) {
      record[2] = std::byte{0x3F};
      record.resize(StockVariables::align(record.size()), std::byte{0xFF});
      return reclaim(old, replaced, record);
    }
    const std::uint64_t place = free_;
    const std::vector<std::byte> header(record.begin(), record.begin() + StockVariables::header_size);
    const std::vector<std::byte> content(record.begin() + StockVariables::header_size, record.end());
    if (!program(place, header) || !program(place + 2, {std::byte{0x7F}}) ||
        !program(place + StockVariables::header_size, content) || !program(place + 2, {std::byte{0x3F}})) {
      return false;
    }
    free_ += StockVariables::align(record.size());
    return (replaced == nullptr || clear_state(*replaced, 0xFD)) && (old == nullptr || clear_state(*old, 0xFD));
  }

  bool remove(const StockName& name) {
    const StockVariables variables(flash_.cells());
    const StockRecord* old = variables.find(name);
    const StockRecord* replaced = variables.find_replaced(name);
    return (replaced == nullptr || clear_state(*replaced, 0xFD)) && (old == nullptr || clear_state(*old, 0xFD));
  }

  // A record as it is written, but for its state.
  static std::vector<std::byte> make_record(const StockName& name, const StockValue& value) {
    const auto name_size = static_cast<std::uint32_t>((name.name.size() + 1) * 2);
    const auto data_size = static_cast<std::uint32_t>(value.data.size());
    std::vector<std::byte> record(StockVariables::header_size + name_size);
    record[0] = std::byte{0xAA};
    record[1] = std::byte{0x55};
    record[2] = std::byte{0xFF};
    std::memcpy(record.data() + 4, &value.attributes, 4);
    std::memcpy(record.data() + 16, value.time_stamp.data(), value.time_stamp.size());
    std::memcpy(record.data() + 36, &name_size, 4);
    std::memcpy(record.data() + 40, &data_size, 4);
    std::memcpy(record.data() + 44, name.vendor.data(), name.vendor.size());
    std::memcpy(record.data() + StockVariables::header_size, name.name.c_str(), name_size);
    record.insert(record.end(), value.data.begin(), value.data.end());
    return record;
  }

 private:
  bool program(std::uint64_t offset, const std::vector<std::byte>& bytes) {
    for (const std::byte value : bytes) {
      if (!flash_.program(static_cast<std::uint32_t>(offset++), {&value, 1}).has_value()) {
        return false;
      }
    }
    return true;
  }
  bool clear_state(const StockRecord& record, std::uint8_t mask) {
    return program(record.offset + 2, {flash_.cells()[record.offset + 2] & std::byte{mask}});
  }

  // The store anew: records that are added, those being replaced of which none is added, which become added ones, and
  // the new record. Without room for that the store stays as it is.
  bool reclaim(const StockRecord* old, const StockRecord* replaced, const std::vector<std::byte>& added) {
    const std::vector<std::byte>& cells = flash_.cells();
    const StockVariables variables(cells);
    std::vector<std::byte> store(cells.begin(), cells.begin() + layout_.store_size);
    const std::uint64_t first = variables.records().empty() ? variables.free_space() : variables.records()[0].offset;
    std::fill(store.begin() + static_cast<std::ptrdiff_t>(first), store.end(), std::byte{0xFF});
    std::uint64_t place = first;
    const auto is_left_out = [](const StockRecord& record, const StockRecord* other) {
      return other != nullptr && record.offset == other->offset;
    };
    for (const std::uint8_t state : {std::uint8_t{0x3F}, std::uint8_t{0x3E}}) {
      for (const StockRecord& record : variables.records()) {
        const std::uint64_t size = record.next - record.offset;
        if (record.state != state || record.next > variables.end() || place + size > variables.end() ||
            is_left_out(record, old) || (state == 0x3E && is_left_out(record, replaced)) ||
            (state == 0x3E && holds(store, variables.name_of(record), record.name_size))) {
          continue;
        }
        std::copy_n(cells.begin() + static_cast<std::ptrdiff_t>(record.offset), size,
                    store.begin() + static_cast<std::ptrdiff_t>(place));
        store[place + 2] = std::byte{0x3F};
        place += size;
      }
    }
    if (place + added.size() > variables.end()) {
      return true;
    }
    std::copy(added.begin(), added.end(), store.begin() + static_cast<std::ptrdiff_t>(place));
    free_ = place + added.size();
    const std::uint32_t used = used_of_work_area();
    bool done = false;
    if (layout_.work_size - 32 - used < 80) {
      done = StockWriter(flash_, layout_, used).reclaim_work_area() && StockWriter(flash_, layout_).write(store);
    } else {
      done = StockWriter(flash_, layout_, used).write(store);
    }
    return done;
  }
  static bool holds(const std::vector<std::byte>& store, const StockName& name, std::uint32_t name_size) {
    const StockVariables variables(store);
    return std::any_of(variables.records().begin(), variables.records().end(), [&](const StockRecord& record) {
      return record.name_size == name_size && variables.name_of(record) == name;
    });
  }
  std::uint32_t used_of_work_area() const {
    std::uint32_t used = 0;
    while (layout_.work_size - 32 - used >= 80 &&
           (flash_.cells()[layout_.work + 32 + used] & std::byte{0x04}) == std::byte{0}) {
      used += 80;
    }
    return used;
  }

  NorModel& flash_;
  StoreLayout layout_;
  std::uint64_t free_ = 0;
};

}  // namespace redoubt::variable::test
