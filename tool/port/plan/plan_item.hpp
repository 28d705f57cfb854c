// SPDX-License-Identifier: BSD-2-Clause-Patent
// One thing that a port changes, or that a person decides.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tool/port/metadata/error.hpp"

namespace redoubt::port {

enum class Action : std::uint8_t {
  edit,        // the tool changes it
  decision,    // a person has to
  note,        // something to know; nothing has to be done
  unexamined,  // not looked at
};
const char* to_string(Action action);

struct PlanItem {
  std::string step;
  Action action;
  Place place;
  std::string subject;
  std::string reason;
  std::string before;  // the line's content; empty for what is added
  std::string after;   // empty for what is removed
  std::vector<std::string> candidates = {};
  std::string pitfall = {};      // its id in docs/porting.md, "P4", where one is known
  std::vector<Place> uses = {};  // where else it is met
};

}  // namespace redoubt::port
