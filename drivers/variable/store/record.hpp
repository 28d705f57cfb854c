// SPDX-License-Identifier: BSD-2-Clause-Patent
// One record after the other, as stock firmware finds them (edk2's VariableParsing.c), and what it can't find. A reader
// that goes another way loses variables that stock firmware still has.
#pragma once

#include <optional>

#include "base/byte_reader.hpp"
#include "drivers/variable/store/finding.hpp"
#include "drivers/variable/store/format.hpp"
#include "drivers/variable/store/store_headers.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::variable {

enum class RecordKind : std::uint8_t {
  added,        // a variable
  replacing,    // a variable, unless another record of it is `added`
  interrupted,  // never completed
  deleted,
  unknown,      // of no state that a record can have
  torn,         // a header alone: one of state, attributes and sizes was never written
  unreachable,  // its sizes lead out of the store: nothing behind it can be found
  none,         // here no record starts
};

struct Record {
  RecordKind kind = RecordKind::none;
  std::uint32_t size = 0;  // of all kinds but the last two: the next record starts so many bytes further
  format::RecordHeader header{};

  bool is_live() const { return kind == RecordKind::added || kind == RecordKind::replacing; }
};

// The record at `offset` of `store`, which is no further than the store's `end`. The next one starts right behind a
// torn header, whose sizes stock firmware takes for zero: it's what a cut leaves of a header that was being written,
// and what is appended afterwards stands behind it.
Record read_record(Bytes store, std::uint32_t offset, std::uint32_t end);

// What names the live record at `offset`; its name is empty if it isn't one string, terminator last.
VariableId id_of(Bytes store, std::uint32_t offset, const format::RecordHeader& header);

// Whether the record at `offset` is a variable: live, all of it in the store, with a name that is a string, and data.
bool is_variable(Bytes store, std::uint32_t offset, const Record& record);

// The first variable at or behind `from`, a multiple of the records' alignment, wherever it stands; `end` if there is
// none. For what lies behind the last record that can be found.
std::uint32_t find_lost_variable(Bytes store, std::uint32_t from, std::uint32_t end);

// What keeps variables from being found that are there, or from being read as what they were written: a live record
// that isn't a variable, or variables behind the end of what can be walked. Nothing for a store that is only blank
// there, or holds what a cut or worn cells leave. The finding's offset is where the walk ends or goes wrong.
std::optional<Finding> find_damage(Bytes store, const RecordSpace& space);

}  // namespace redoubt::variable
