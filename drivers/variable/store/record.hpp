// SPDX-License-Identifier: BSD-2-Clause-Patent
// One record after the other, as all who read a store do.
#pragma once

#include "base/byte_reader.hpp"
#include "drivers/variable/store/format.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::variable {

enum class RecordKind : std::uint8_t {
  added,        // a variable
  replacing,    // a variable, unless another record of it is `added`
  interrupted,  // never completed
  deleted,
  unknown,      // of no state that a record can have
  unreachable,  // its sizes lead out of the store: nothing behind it can be found
  none,         // here no record starts, or none that has a state
};

struct Record {
  RecordKind kind = RecordKind::none;
  std::uint32_t size = 0;  // of all kinds but the last two: the next record starts so many bytes further
  format::RecordHeader header{};

  bool is_live() const { return kind == RecordKind::added || kind == RecordKind::replacing; }
};

// The record at `offset` of `store`, which is no further than the store's `end`.
Record read_record(Bytes store, std::uint32_t offset, std::uint32_t end);

// What names the live record at `offset`; its name is empty if it isn't one string, terminator last.
VariableId id_of(Bytes store, std::uint32_t offset, const format::RecordHeader& header);

}  // namespace redoubt::variable
