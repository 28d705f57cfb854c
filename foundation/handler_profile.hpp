// SPDX-License-Identifier: BSD-2-Clause-Patent
// How often each MMI handler ran and how long it took. A row belongs to a function as handler of a GUID, not to one
// registration: it stays when the handler goes, and a driver that registers and unregisters without end gets one row,
// or as many as it may have.
#pragma once

#include <cstdint>

#include "abi/uefi/types.hpp"
#include "foundation/protocol_database.hpp"
#include "foundation/record_index.hpp"
#include "foundation/slot_table.hpp"

namespace redoubt::foundation {

struct ProfileRow {
  abi::Guid handler{};  // all zero: root handler
  std::uint64_t function = 0;
  DriverNumber driver = foundation_itself;
  std::uint32_t reserved = 0;
  std::uint64_t calls = 0;
  std::uint64_t total_ticks = 0;
  std::uint64_t least_ticks = UINT64_MAX;
  std::uint64_t most_ticks = 0;
  std::uint64_t reported_calls = 0;  // what `calls` was when the report last showed the row
  ProfileRow* chain = nullptr;

  void add(std::uint64_t ticks) {
    ++calls;
    total_ticks += ticks;
    if (ticks < least_ticks) least_ticks = ticks;
    if (ticks > most_ticks) most_ticks = ticks;
  }
};

class HandlerProfile {
 public:
  // More handlers than any firmware has; a driver can't make the foundation spend more memory than these rows take.
  static constexpr std::size_t row_limit = 2048;
  // And none takes them all.
  static constexpr std::uint32_t driver_row_limit = row_limit / 8;

  constexpr explicit HandlerProfile(Supervisor& supervisor) : rows_(supervisor), index_(supervisor) {}
  HandlerProfile(const HandlerProfile&) = delete;
  HandlerProfile& operator=(const HandlerProfile&) = delete;

  // The row of a function that becomes a handler; `guid` null: a root handler; `driver_rows`: how many rows the driver
  // has. Null when there is no memory or no row left. Rows stay where they are.
  ProfileRow* row(const abi::Guid* guid, std::uint64_t function, DriverNumber driver, std::uint32_t& driver_rows) {
    const abi::Guid handler = guid != nullptr ? *guid : abi::Guid{};
    ProfileRow* row = index_.find(hash(handler, function), [&](const ProfileRow& other) {
      return other.function == function && other.driver == driver && same(other.handler, handler);
    });
    if (row != nullptr || rows_.size() == row_limit || driver_rows == driver_row_limit) return row;
    row = rows_.acquire();
    if (row == nullptr) return nullptr;
    row->handler = handler;
    row->function = function;
    row->driver = driver;
    index_.insert(*row);
    ++driver_rows;
    return row;
  }

  std::size_t size() const { return rows_.size(); }
  // In the order in which they came; `number` < size().
  ProfileRow& at(std::size_t number) { return *rows_.at_index(static_cast<std::uint32_t>(number)); }

 private:
  static std::uint64_t hash(const abi::Guid& handler, std::uint64_t function) {
    return mix(hash_of(handler) ^ function);
  }
  static std::uint64_t row_hash(const ProfileRow& row) { return hash(row.handler, row.function); }

  SlotTable<ProfileRow> rows_;
  RecordIndex<ProfileRow, &ProfileRow::chain, &HandlerProfile::row_hash> index_;
};

}  // namespace redoubt::foundation
