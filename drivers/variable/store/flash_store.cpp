// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/flash_store.hpp"

#include <algorithm>
#include <array>

#include "base/checked.hpp"

namespace redoubt::variable {

namespace {

using format::RecordHeader;
using format::StoreHeader;
using format::VolumeHeader;

constexpr std::uint32_t headers_size = sizeof(VolumeHeader) + sizeof(StoreHeader);

template <typename T>
T load(Bytes bytes, std::uint32_t offset) {
  T value;
  __builtin_memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <typename T>
Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// The two headers of an empty store.
std::array<std::byte, headers_size> make_headers(std::uint32_t volume_length, std::uint32_t block_size,
                                                 std::uint32_t region) {
  VolumeHeader volume{};
  volume.file_system = format::volume_file_system_guid;
  volume.volume_length = volume_length;
  volume.signature = VolumeHeader::expected_signature;
  volume.attributes = VolumeHeader::expected_attributes;
  volume.header_length = sizeof(VolumeHeader);
  volume.revision = VolumeHeader::expected_revision;
  volume.map[0] = {volume_length / block_size, block_size};
  std::uint16_t words[sizeof(volume) / 2];
  __builtin_memcpy(words, &volume, sizeof(volume));
  std::uint16_t sum = 0;
  for (const std::uint16_t word : words) {
    sum = static_cast<std::uint16_t>(sum + word);
  }
  volume.checksum = static_cast<std::uint16_t>(0U - sum);

  StoreHeader store{};
  store.signature = format::authenticated_store_guid;
  store.size = region - std::uint32_t{sizeof(VolumeHeader)};
  store.format = StoreHeader::formatted;
  store.state = StoreHeader::healthy;

  std::array<std::byte, headers_size> headers;
  __builtin_memcpy(headers.data(), &volume, sizeof(volume));
  __builtin_memcpy(headers.data() + sizeof(volume), &store, sizeof(store));
  return headers;
}

// Whether `name` is one string, its terminator last.
bool is_proper_name(Bytes name) {
  if (name.size() < 2 * sizeof(char16_t) || name.size() % sizeof(char16_t) != 0) {
    return false;
  }
  for (std::size_t offset = 0; offset < name.size(); offset += sizeof(char16_t)) {
    const auto unit = load<char16_t>(name, static_cast<std::uint32_t>(offset));
    if ((unit == 0) != (offset + sizeof(char16_t) == name.size())) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool FlashStore::is_blank(std::uint32_t from, std::uint32_t to) const {
  const Bytes window = flash_.contents();
  while (from < to && !is_aligned(from, std::uint32_t{sizeof(std::uint64_t)})) {
    if (window[from++] != std::byte{0xFF}) {
      return false;
    }
  }
  for (; from + sizeof(std::uint64_t) <= to; from += std::uint32_t{sizeof(std::uint64_t)}) {
    if (load<std::uint64_t>(window, from) != UINT64_MAX) {
      return false;
    }
  }
  return std::all_of(window.begin() + from, window.begin() + to,
                     [](std::byte cell) { return cell == std::byte{0xFF}; });
}

bool FlashStore::find_headers() {
  const Bytes window = flash_.contents();
  const auto volume = load<VolumeHeader>(window, 0);
  if (volume.signature != VolumeHeader::expected_signature || volume.file_system != format::volume_file_system_guid ||
      volume.header_length < sizeof(VolumeHeader) || volume.header_length > flash_.block_size() ||
      !is_aligned(std::uint32_t{volume.header_length}, format::record_alignment)) {
    return false;
  }
  const auto store = load<StoreHeader>(window, volume.header_length);
  const std::uint32_t room = layout_.store_size - volume.header_length;
  if (store.signature != format::authenticated_store_guid || store.format != StoreHeader::formatted ||
      store.state != StoreHeader::healthy || store.size < sizeof(StoreHeader) || store.size > room) {
    return false;
  }
  first_record_ = volume.header_length + std::uint32_t{sizeof(StoreHeader)};
  end_ = volume.header_length + store.size;
  return true;
}

// Whether nothing was ever stored: every block is all ones or all zeroes, the first may also hold headers of which
// bits are still to be programmed.
bool FlashStore::is_blank_store() const {
  const Bytes window = flash_.contents();
  for (std::uint32_t block = 0; block < layout_.store_size; block += flash_.block_size()) {
    const Bytes cells = window.subspan(block, flash_.block_size());
    const std::byte fill = cells.back();
    if (fill != std::byte{0xFF} && fill != std::byte{0}) {
      return false;
    }
    const bool uniform = std::all_of(cells.begin(), cells.end(), [fill](std::byte cell) { return cell == fill; });
    if (uniform) {
      continue;
    }
    if (block != 0 || !is_blank(headers_size, flash_.block_size())) {
      return false;
    }
    const auto headers =
        make_headers(static_cast<std::uint32_t>(window.size()), flash_.block_size(), layout_.store_size);
    for (std::uint32_t index = 0; index < headers_size; ++index) {
      if ((cells[index] & headers[index]) != headers[index]) {
        return false;
      }
    }
  }
  return true;
}

Result<void> FlashStore::format() {
  for (std::uint32_t block = 0; block < layout_.store_size; block += flash_.block_size()) {
    if (flash_.contents()[block + flash_.block_size() - 1] != std::byte{0xFF}) {
      TRY(flash_.erase(block));
      flash_.settle();
    }
  }
  const auto headers =
      make_headers(static_cast<std::uint32_t>(flash_.contents().size()), flash_.block_size(), layout_.store_size);
  TRY(flash_.program(0, headers));
  flash_.settle();
  return {};
}

Result<void> FlashStore::open() {
  open_ = false;
  if (!layout_.is_sound() || layout_.block_size != flash_.block_size() ||
      layout_.volume_size != flash_.contents().size()) {
    return std::unexpected(Error::invalid_argument);
  }
  if (!find_headers()) {
    if (!is_blank_store()) {
      return std::unexpected(Error::malformed);
    }
    const Result<void> formatted = format();
    flash_.settle();
    TRY(formatted);
    if (!find_headers()) {
      return std::unexpected(Error::device);
    }
  }
  const Result<void> scanned = scan();
  flash_.settle();
  TRY(scanned);
  open_ = true;
  return {};
}

Result<void> FlashStore::scan() {
  used_by_hardware_errors_ = 0;
  append_ = first_record_;
  while (end_ - append_ >= sizeof(RecordHeader)) {
    const auto header = load<RecordHeader>(flash_.contents(), append_);
    const std::uint64_t size = record_size(header.name_size, header.data_size);
    if (header.start != RecordHeader::expected_start || header.state == format::state::blank) {
      return recover_tail();
    }
    if (size > end_ - append_) {
      // Not what a power cut leaves. Nothing behind it can be found, and nothing may be written over it.
      close_tail();
      return {};
    }
    if (header.state == format::state::added || header.state == format::state::replacing) {
      TRY(enter(append_, header));
    } else if (header.state == format::state::header_valid) {
      // A cut came before its data was whole. Stock firmware passes over it as it is, other readers don't.
      TRY(set_state(append_, format::state::void_record));
      flash_.settle();
    }
    if ((header.attributes & attribute::hardware_error_record) != 0) {
      used_by_hardware_errors_ += static_cast<std::uint32_t>(size);
    }
    append_ += static_cast<std::uint32_t>(size);
  }
  return {};
}

// Makes [append_, end_) blank again for all readers, if it isn't, by turning what a cut left of a record into a whole
// record without meaning. Where that can't be done the store takes no more records.
Result<void> FlashStore::recover_tail() {
  constexpr std::uint32_t header_size = sizeof(RecordHeader);
  if (is_blank(append_, end_)) {
    return {};
  }
  const auto header = load<RecordHeader>(flash_.contents(), append_);
  if ((header.start & RecordHeader::expected_start) != RecordHeader::expected_start) {
    close_tail();
    return {};
  }
  std::uint64_t size = header_size;
  if (is_blank(append_ + header_size, end_)) {
    // Our own order of writing leaves this: a header of which no field can be believed. Zeroes in all of them can
    // always be programmed, and every reader takes the result for a deleted record.
    constexpr std::array<std::byte, header_size - offsetof(RecordHeader, reserved)> nothing{};
    TRY(flash_.program(append_ + std::uint32_t{offsetof(RecordHeader, reserved)}, nothing));
  } else {
    // Stock firmware writes the whole record before its first state.
    size = record_size(header.name_size, header.data_size);
    if (header.start != RecordHeader::expected_start || size > end_ - append_ ||
        !is_blank(append_ + static_cast<std::uint32_t>(size), end_)) {
      close_tail();
      return {};
    }
  }
  TRY(set_state(append_, format::state::void_record));
  TRY(flash_.program(append_, bytes_of(RecordHeader::expected_start)));
  flash_.settle();
  append_ += static_cast<std::uint32_t>(size);
  return {};
}

// Enters a live record. Of two with the same name readers take the added one, of two added ones the first, of two
// being replaced the last; the other is deleted, lest it comes back when this one goes.
Result<void> FlashStore::enter(std::uint32_t record, const RecordHeader& header) {
  const Bytes window = flash_.contents();
  const Bytes name = window.subspan(record + sizeof(RecordHeader), header.name_size);
  if (!is_proper_name(name) || header.data_size == 0) {
    return {};
  }
  // Records stand at multiples of 4 in a mapped window, and names follow a header of 60 bytes.
  const VariableId id{header.vendor, std::u16string_view(reinterpret_cast<const char16_t*>(name.data()),
                                                         header.name_size / sizeof(char16_t) - 1)};
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

Result<void> FlashStore::append(std::uint32_t record, const VariableId& id, std::uint32_t attributes,
                                const abi::Time& time_stamp, Bytes data, Variable* old) {
  RecordHeader header{};
  header.start = RecordHeader::expected_start;
  header.state = format::state::blank;
  header.attributes = attributes;
  header.time_stamp = time_stamp;
  header.name_size = id.name_size();
  header.data_size = static_cast<std::uint32_t>(data.size());
  header.vendor = id.vendor;
  TRY(flash_.program(record, bytes_of(header)));
  TRY(set_state(record, format::state::header_valid));

  const std::uint32_t name = record + std::uint32_t{sizeof(header)};
  constexpr char16_t terminator = 0;
  TRY(flash_.program(name, std::as_bytes(std::span(id.name))));
  TRY(flash_.program(name + header.name_size - std::uint32_t{sizeof(terminator)}, bytes_of(terminator)));
  TRY(flash_.program(name + header.name_size, data));
  if (old != nullptr) {
    TRY(set_state(old->record, format::state::replacing));
  }
  return set_state(record, format::state::added);
}

Result<void> FlashStore::write(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp, Bytes data,
                               Variable* old) {
  if (!open_) {
    return std::unexpected(Error::device);
  }
  const std::uint64_t size = record_size(id.name_size(), data.size());
  if (size > end_ - append_) {
    return std::unexpected(Error::out_of_memory);
  }
  Variable* variable = old != nullptr ? old : table_.take_node();
  if (variable == nullptr) {
    return std::unexpected(Error::out_of_memory);
  }
  const std::uint32_t record = append_;
  const Result<void> appended = append(record, id, attributes, time_stamp, data, old);
  if (!appended.has_value()) {
    flash_.settle();
    close_tail();
    if (old == nullptr) {
      table_.give_back_node(*variable);
    }
    return appended;
  }
  if (old != nullptr) {
    // The new value is in force whatever becomes of this; open() repeats it.
    static_cast<void>(set_state(old->record, format::state::replacing & format::state::deleted_mask));
  }
  flash_.settle();
  append_ += static_cast<std::uint32_t>(size);
  if ((attributes & attribute::hardware_error_record) != 0) {
    used_by_hardware_errors_ += static_cast<std::uint32_t>(size);
  }
  variable->content = flash_.contents().data() + record + offsetof(RecordHeader, vendor);
  variable->attributes = attributes;
  variable->time_stamp = time_stamp;
  variable->name_size = id.name_size();
  variable->data_size = static_cast<std::uint32_t>(data.size());
  variable->record = record;
  if (old == nullptr) {
    table_.insert(*variable, id);
  }
  return {};
}

Result<void> FlashStore::remove(Variable& variable) {
  if (!open_) {
    return std::unexpected(Error::device);
  }
  const Result<void> deleted = set_state(variable.record, format::state::replacing & format::state::deleted_mask);
  flash_.settle();
  TRY(deleted);
  table_.remove(variable);
  table_.give_back_node(variable);
  return {};
}

}  // namespace redoubt::variable
