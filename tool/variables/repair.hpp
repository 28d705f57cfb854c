// SPDX-License-Identifier: BSD-2-Clause-Patent
// What verbs do with a damaged store: look at what is left of it and say so, or change it once it's repaired.
#pragma once

#include <optional>
#include <string>

#include "tool/variables/store_file.hpp"

namespace redoubt::tool::variables {

// The exit status of a verb that has shown what it was asked for: an error, although it did, if the store is damaged.
CommandResult shown(const StoreFile& store);

// The option --repair of verbs that change a file.
void add_repair_option(const Verb& verb, bool& repair);

struct StoreToChange {
  StoreFile store;
  std::optional<RepairReport> repaired;
};

// A damaged store is refused, unless it's to be repaired first.
Result<StoreToChange, CommandError> open_to_change(const std::string& path, bool repair);

// Prints what was lost and what was saved, if there was a repair.
void print_repair(const std::optional<RepairReport>& report);

}  // namespace redoubt::tool::variables
