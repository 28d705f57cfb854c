// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/repair.hpp"

#include <cstdio>
#include <format>

namespace redoubt::tool::variables {

CommandResult shown(const StoreFile& store) {
  const Damage* damage = store.damage();
  if (damage == nullptr) {
    return ExitStatus::success;
  }
  return failure(store.path(), std::format("offset {:#x}: the variable store is damaged, and firmware keeps it closed: "
                                           "{} (`vars check` says what can be found, `vars repair` saves it)",
                                           damage->offset, to_string(damage->id)));
}

void add_repair_option(const Verb& verb, bool& repair) {
  verb.add_flag("--repair", repair, "Repair a damaged store first, as `vars repair` does; without it that's refused");
}

Result<StoreToChange, CommandError> open_to_change(const std::string& path, bool repair) {
  StoreFile store = TRY(StoreFile::open(path));
  const Damage* damage = store.damage();
  if (damage != nullptr && !repair) {
    return bad_input(path,
                     std::format("the variable store is damaged: {} (--repair saves what can be found, first)",
                                 to_string(damage->id)),
                     damage->offset);
  }
  auto repaired = TRY(store.repair());
  return StoreToChange{std::move(store), std::move(repaired)};
}

void print_repair(const std::optional<RepairReport>& report) {
  if (!report.has_value()) {
    return;
  }
  const Damage& damage = report->damage;
  std::string text = std::format("Damaged at {:#x}: {}\n", damage.offset, to_string(damage.id));
  for (const Stretch& stretch : damage.unreadable) {
    text += std::format("Lost: whatever was in {}\n", to_text(stretch));
  }
  const auto add = [&text](const char* what, const std::vector<StoredVariable>& variables) {
    if (!variables.empty()) {
      text += std::format("{}: {}\n{}", what, variables.size(), rows_with_offsets(variables));
    }
  };
  add("Saved from where firmware couldn't reach them", report->saved);
  add("Left out, since another record of the same variable counts", report->superseded);
  add("Left out, since they aren't as variables in flash must be", report->dropped);
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  static_cast<void>(std::fputs(text.c_str(), stdout));
}

}  // namespace redoubt::tool::variables
