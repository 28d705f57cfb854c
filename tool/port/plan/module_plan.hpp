// SPDX-License-Identifier: BSD-2-Clause-Patent
// What moving one module to Standalone MM changes and what a person has to decide, as far as build metadata can tell.
// Steps have the ids of docs/porting.md. What only the C sources can tell is named as not examined, and nothing is
// called finished that they might contradict.
#pragma once

#include "tool/port/metadata/line_changes.hpp"
#include "tool/port/plan/rules.hpp"
#include "tool/port/workspace/platform.hpp"

namespace redoubt::port {

enum class Action : std::uint8_t {
  edit,        // the tool changes it
  decision,    // a person has to
  unexamined,  // the C sources decide, which this plan doesn't rest on
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
  std::vector<std::string> candidates;
};

enum class Verdict : std::uint8_t {
  mechanical,       // edits alone
  needs_decisions,  // some things are a person's choice
  needs_split,      // a part has to stay in, or move to, DXE
};
const char* to_string(Verdict verdict);

struct ModulePlan {
  std::string inf;
  std::string base_name;
  std::string module_type;
  std::string standalone_type;
  std::string standalone_inf;   // the new file's path
  std::string standalone_text;  // and its text
  bool exists = false;          // somebody wrote a file of that path already
  Verdict verdict = Verdict::mechanical;
  std::vector<std::string> platforms;
  std::vector<PlanItem> items;
  std::string patch;  // of platforms' DSC and FDF files

  std::size_t count(Action action) const;
};

// DXE_SMM_DRIVER and SMM_CORE, libraries of these types included.
bool is_traditional(const InfFile& inf);

// `platforms` are those that build the module; its architecture is X64, the only one of MM.
ReadResult<ModulePlan> plan_module(Workspace& workspace, const std::vector<Platform>& platforms, const Rules& rules,
                                   const std::string& inf);

}  // namespace redoubt::port
