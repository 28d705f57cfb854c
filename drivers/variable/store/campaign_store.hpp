// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the campaigns over the store share: a store from one start to the next, its values as a map, stock firmware's
// view of the same flash, and a workload.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "drivers/variable/store/flash_bytes.hpp"
#include "drivers/variable/store/flash_store.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable::test {

struct Key {
  std::u16string name;
  bool other_vendor;
  const abi::Guid& vendor() const { return other_vendor ? vendor_b : vendor_a; }
  VariableId id() const { return {vendor(), name}; }
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Value {
  std::uint32_t attributes;
  std::uint16_t year;  // of the time stamp
  std::string data;
  friend bool operator==(const Value&, const Value&) = default;
};

using Variables = std::map<Key, Value>;

struct Operation {
  enum class Kind { set, remove, make_room, restart } kind;
  Key key;
  Value value;
};

// A store on a flash, from one start to the next.
class Session {
 public:
  explicit Session(NorModel& flash, OtherProcessors* processors = nullptr)
      : table_(allocator_), store_(allocator_, flash, table_, small_layout, processors) {
    opened_ = store_.open();
  }

  bool is_open() const { return opened_.has_value(); }
  const Result<void>& opened() const { return opened_; }
  const FlashStore& store() const { return store_; }

  Result<void> perform(const Operation& operation) {
    Variable* old = table_.find(operation.key.id());
    switch (operation.kind) {
      case Operation::Kind::set: {
        abi::Time time{};
        time.year = operation.value.year;
        return store_.write(operation.key.id(), operation.value.attributes, time,
                            std::as_bytes(std::span(operation.value.data)), old);
      }
      case Operation::Kind::remove: return old != nullptr ? store_.remove(*old) : Result<void>();
      case Operation::Kind::make_room: return store_.make_room(small_region);
      case Operation::Kind::restart: break;
    }
    return {};
  }

  Variables variables() const {
    Variables found;
    for (const Variable* variable = table_.first_non_volatile(); variable != nullptr; variable = variable->next) {
      const Bytes name = variable->name_bytes();
      const Bytes data = variable->data();
      Key key{std::u16string(reinterpret_cast<const char16_t*>(name.data()), name.size() / 2 - 1),
              variable->vendor() == vendor_b};
      if (table_.find(key.id()) == variable) {
        found[key] = {variable->attributes, variable->time_stamp.year,
                      std::string(reinterpret_cast<const char*>(data.data()), data.size())};
      }
    }
    return found;
  }

 private:
  HeapAllocator allocator_;
  VariableTable table_;
  FlashStore store_;
  Result<void> opened_;
};

// The values after `operation`, if it succeeds.
inline Variables after(const Operation& operation, Variables values) {
  if (operation.kind == Operation::Kind::set) {
    values[operation.key] = operation.value;
  } else if (operation.kind == Operation::Kind::remove) {
    values.erase(operation.key);
  }
  return values;
}

// What stock firmware's PEIMs read (edk2's FaultTolerantWritePei and PeiVariable): of an interrupted write the spare
// area if that is complete; added records, or ones being replaced that aren't added as well. What can't be followed or
// has no name is where it ends, or passed over; so are other vendors than the campaigns', here and in
// Session::variables().
inline Variables read_as_pei(Bytes volume) {
  const Bytes work = volume.subspan(small_layout.work, small_layout.work_size);
  std::size_t store = 0;
  if (load<abi::Guid>(work, 0) == format::working_block_guid && (work[20] & std::byte{3}) == std::byte{2}) {
    std::size_t offset = 32;
    while (offset + 40 <= work.size() && (work[offset] & std::byte{4}) == std::byte{0}) {
      const auto writes = load<std::uint64_t>(work, offset + 24);
      const auto private_data = load<std::uint64_t>(work, offset + 32);
      if (writes >= work.size() || private_data >= work.size()) {
        offset = work.size();
        break;
      }
      offset += 40 + writes * (40 + private_data);
    }
    const bool pending = offset + 80 <= work.size() && (work[offset + 40] & std::byte{6}) == std::byte{4};
    if (pending) {
      store = static_cast<std::size_t>(
          small_layout.spare + load<std::int64_t>(work, offset + 40 + 32) == 0 ? small_layout.spare : 0);
    }
  }
  Variables found;
  std::set<Key> certain;
  const std::size_t end = store + small_region;
  if (load<std::uint32_t>(volume, store + 40) != abi::firmware_volume_signature) {
    return found;
  }
  const auto store_header = load<format::StoreHeader>(volume, store + 72);
  if (store_header.signature != format::authenticated_store_guid || store_header.size == UINT32_MAX ||
      store_header.format != format::StoreHeader::formatted || store_header.state != format::StoreHeader::healthy) {
    return found;
  }
  for (std::size_t offset = store + 100; offset + sizeof(format::RecordHeader) <= end;) {
    const auto header = load<format::RecordHeader>(volume, offset);
    if (header.start != format::RecordHeader::expected_start) {
      break;
    }
    std::size_t size = sizeof(header);
    if (header.state != 0xFF && header.attributes != UINT32_MAX && header.data_size != UINT32_MAX &&
        header.name_size != UINT32_MAX) {
      size += std::size_t{header.name_size} + header.data_size;
    }
    if (size > end - offset) {
      break;
    }
    const bool is_live =
        (header.state == 0x3F || header.state == 0x3E) && (header.vendor == vendor_a || header.vendor == vendor_b);
    if (is_live && size > sizeof(header) && header.name_size >= 2 && header.name_size % 2 == 0) {
      const Bytes name = volume.subspan(offset + sizeof(header), header.name_size);
      const Bytes data = volume.subspan(offset + sizeof(header) + header.name_size, header.data_size);
      std::u16string text(name.size() / 2, u'\0');
      std::memcpy(text.data(), name.data(), name.size());
      if (text.back() == u'\0') {
        text.pop_back();
      }
      const Key key{text, header.vendor == vendor_b};
      if (!certain.contains(key)) {
        found[key] = {header.attributes, header.time_stamp.year,
                      std::string(reinterpret_cast<const char*>(data.data()), data.size())};
      }
      if (header.state == 0x3F) {
        certain.insert(key);
      }
    }
    offset += (size + 3) & ~std::size_t{3};
  }
  return found;
}

// Some 330 operations on a store of 16 KiB, with a dozen reclaims and some restarts.
inline std::vector<Operation> make_workload() {
  std::mt19937 random(20);
  std::vector<Operation> workload;
  for (int count = 0; count < 330; ++count) {
    const std::uint32_t chosen = random() % 26;
    Key key{u"Variable" + std::u16string(1 + chosen % 5, static_cast<char16_t>(u'A' + chosen)), chosen % 3 == 0};
    Value value{attribute::nv_bs_rt, 0, {}};
    if (chosen % 7 == 1) {
      value.attributes |= attribute::hardware_error_record;
    } else if (chosen % 7 == 2) {
      value.attributes = attribute::nv_bs_rt_at;
      value.year = static_cast<std::uint16_t>(2000 + count);
    }
    const std::uint32_t length = random() % 16 == 0 ? 1000 + random() % 1500 : 1 + random() % 400;
    value.data.resize(length);
    for (char& character : value.data) {
      character = static_cast<char>(random());
    }
    const std::uint32_t kind = random() % 100;
    workload.push_back({kind < 70   ? Operation::Kind::set
                        : kind < 92 ? Operation::Kind::remove
                        : kind < 94 ? Operation::Kind::make_room
                                    : Operation::Kind::restart,
                        key, value});
  }
  return workload;
}

// Where a campaign that failed leaves its flash: in the folder that REDOUBT_SAVE_FLASH names, if it does.
inline void save_flash(const std::string& name, const std::vector<std::byte>& content) {
  const char* folder = std::getenv("REDOUBT_SAVE_FLASH");
  if (folder == nullptr) {
    return;
  }
  if (std::FILE* file = std::fopen((std::string(folder) + "/" + name).c_str(), "wb")) {
    std::fwrite(content.data(), 1, content.size(), file);
    std::fclose(file);
  }
}

}  // namespace redoubt::variable::test
