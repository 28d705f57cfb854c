// SPDX-License-Identifier: BSD-2-Clause-Patent
// Says what is wrong in the image of a variable store, as open() would judge it, and what can be found in a damaged
// one. Host only: it allocates.
//
// Where a write was interrupted that the next start will end, the store that counts is the one in the spare area:
// offsets in it are those that its bytes are going to have.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drivers/variable/store/finding.hpp"
#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/store/record.hpp"

namespace redoubt::variable {

// What there is to say about `volume`, in ascending order of offsets; nothing for a store that is as it should be.
// `layout` is sound, and `volume` has its size.
std::vector<Finding> inspect(Bytes volume, const StoreLayout& layout);

// A variable's record, copied from where it stands.
struct FoundVariable {
  std::uint32_t offset = 0;            // in the volume
  RecordKind kind = RecordKind::none;  // added or replacing
  std::uint32_t attributes = 0;
  abi::Time time_stamp{};
  abi::Guid vendor{};
  std::u16string name;
  std::vector<std::byte> data;
};

// Bytes [start, end) of the volume.
struct Stretch {
  std::uint32_t start;
  std::uint32_t end;
  friend constexpr bool operator==(const Stretch&, const Stretch&) = default;
};

// What keeps a store closed, and what can be found in it all the same.
struct DamagedStore {
  Finding damage{};
  // In front of the damage: for each name the record that readers take, in the order of the records.
  std::vector<FoundVariable> in_reach;
  // Behind it, or in the spare area alone: every record of a variable, also of one that has another record.
  std::vector<FoundVariable> out_of_reach;
  // Parts from the damage on from which no variable can be read, without the blank part behind the last variable.
  std::vector<Stretch> unreadable;
};

// Nothing for a store that open() takes. `layout` is sound, and `volume` has its size.
std::optional<DamagedStore> find_damaged_store(Bytes volume, const StoreLayout& layout);

}  // namespace redoubt::variable
