// SPDX-License-Identifier: BSD-2-Clause-Patent
// A second reader of the variable store, which knows nothing of the driver's: what lies in flash, for a program in the
// guest that looks at the flash from outside and for a host that has the file. From edk2's VariableFormat.h: the
// volume's header, whose length stands at 48, the store's header (28 bytes, size at 16), then records: 55AA, state,
// attributes at 4, lengths of name and data at 36 and 40, vendor at 44, name and data from 60 on, each record at a
// multiple of 4. A variable's record is the first one of state 3F, or 3E if none is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "abi/uefi/types.hpp"

namespace redoubt::guest::stored {

using Flash = std::span<const std::uint8_t>;

constexpr std::size_t record_header = 60;

inline std::uint32_t number_at(Flash flash, std::size_t offset, unsigned bytes) {
  std::uint32_t value = 0;
  for (unsigned i = bytes; i-- != 0;) value = value << 8 | flash[offset + i];
  return value;
}

struct Record {
  std::size_t offset;  // of its header, in flash
  std::uint8_t state;
  std::uint32_t attributes;
  std::span<const std::uint8_t> vendor;
  std::span<const std::uint8_t> name;  // two bytes a character, terminated
  std::span<const std::uint8_t> data;

  std::size_t end() const { return offset + record_header + name.size() + data.size(); }
  bool names_same(const Record& other) const {
    return name.size() == other.name.size() && std::memcmp(name.data(), other.name.data(), name.size()) == 0 &&
           std::memcmp(vendor.data(), other.vendor.data(), 16) == 0;
  }
};

// Where the store ends and where its first record may be; both 0 when there is no store.
struct Area {
  std::size_t begin;
  std::size_t end;
};
inline Area records_of(Flash flash) {
  constexpr std::size_t store_header = 28;
  if (flash.size() < 128 || std::memcmp(&flash[40], "_FVH", 4) != 0) return {0, 0};
  const std::size_t store = number_at(flash, 48, 2);
  if (store + store_header > flash.size() || flash[store + 20] != 0x5A || flash[store + 21] != 0xFE) return {0, 0};
  const std::size_t size = number_at(flash, store + 16, 4);
  if (size < store_header || size > flash.size() - store) return {0, 0};
  return {store + store_header, store + size};
}

// The record at `offset`; false when there is none, which is where the records end.
inline bool record_at(Flash flash, Area area, std::size_t offset, Record& record) {
  if (offset + record_header > area.end || number_at(flash, offset, 2) != 0x55AA) return false;
  const std::size_t room = area.end - offset - record_header;
  std::size_t name_size = number_at(flash, offset + 36, 4);
  std::size_t data_size = number_at(flash, offset + 40, 4);
  // A header that was never completed takes its own room only.
  if (name_size == 0xFFFFFFFF || data_size == 0xFFFFFFFF) name_size = data_size = 0;
  if (name_size > room || data_size > room - name_size) return false;
  record = {.offset = offset,
            .state = flash[offset + 2],
            .attributes = number_at(flash, offset + 4, 4),
            .vendor = flash.subspan(offset + 44, 16),
            .name = flash.subspan(offset + record_header, name_size),
            .data = flash.subspan(offset + record_header + name_size, data_size)};
  return true;
}

// Calls visit(record) for all records, whatever their state; where the free space begins.
template <typename Visitor>
std::size_t for_each_record(Flash flash, const Visitor& visit) {
  const Area area = records_of(flash);
  std::size_t offset = (area.begin + 3) & ~std::size_t{3};
  Record record{};
  while (record_at(flash, area, offset, record)) {
    visit(record);
    offset = (record.end() + 3) & ~std::size_t{3};
  }
  return offset;
}

// Calls visit(record) for the record of each variable.
template <typename Visitor>
void for_each_variable(Flash flash, const Visitor& visit) {
  constexpr std::uint8_t added = 0x3F;
  constexpr std::uint8_t replacing = 0x3E;
  for_each_record(flash, [&](const Record& record) {
    if (record.state != added && record.state != replacing) return;
    bool live = true;
    for_each_record(flash, [&](const Record& other) {
      const bool before = other.state == record.state && other.offset < record.offset;
      live = live && !((before || (other.state == added && record.state == replacing)) && other.names_same(record));
    });
    if (live) visit(record);
  });
}

// Tells contents apart (64-bit FNV-1a).
inline std::uint64_t digest(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0xCBF29CE484222325;
  for (const std::uint8_t byte : bytes) value = (value ^ byte) * 0x100000001B3;
  return value;
}

}  // namespace redoubt::guest::stored
