// SPDX-License-Identifier: BSD-2-Clause-Patent
// What can be found in a store that firmware keeps closed, with offsets in the file, and the words for it that every
// verb uses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drivers/variable/store/finding.hpp"
#include "tool/variables/json.hpp"
#include "tool/variables/stored_variable.hpp"

namespace redoubt::tool::variables {

// Bytes of a file.
struct Stretch {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct Damage {
  std::uint64_t offset = 0;
  variable::FindingId id{};
  // What readers take of the variables in front of it, and all records of variables behind it.
  std::vector<StoredVariable> in_reach;
  std::vector<StoredVariable> out_of_reach;
  std::vector<Stretch> unreadable;
};

// Nothing for a volume that firmware opens. It lies within `file`.
std::optional<Damage> find_damage(Bytes file, const VolumePlace& place);

// One line for each variable, its offset first.
std::string rows_with_offsets(const std::vector<StoredVariable>& variables);
// "0x1024 to 0x2380 (4956 bytes)"
std::string to_text(const Stretch& stretch);

// All but what is in reach.
Json damage_json(const Damage& damage);

}  // namespace redoubt::tool::variables
