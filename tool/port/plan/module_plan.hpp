// SPDX-License-Identifier: BSD-2-Clause-Patent
// What moving one module to Standalone MM changes and what a person has to decide, by build metadata and, where
// redoubt-source-facts is there to read them, by the C sources. Steps have the ids of docs/porting.md. What wasn't
// looked at is named as not examined, and nothing is called finished that it might contradict.
#pragma once

#include "tool/port/metadata/line_changes.hpp"
#include "tool/port/plan/plan_item.hpp"
#include "tool/port/plan/rules.hpp"
#include "tool/port/sources/source_plan.hpp"
#include "tool/port/workspace/platform.hpp"

namespace redoubt::port {

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
  bool exists = false;          // there is a file of that path already
  Verdict verdict = Verdict::mechanical;
  std::vector<std::string> platforms;
  std::vector<PlanItem> items;
  std::string patch;  // of platforms' DSC and FDF files
  bool sources_read = false;
  std::vector<ReadError> drift;            // of a pair that is there: where the two don't go together any more
  std::vector<NewFile> new_files;          // of the sources
  std::vector<ChangedFile> changed_files;  // the same, and the Traditional INF

  std::size_t count(Action action) const;
};

// DXE_SMM_DRIVER and SMM_CORE, libraries of these types included.
bool is_traditional(const InfFile& inf);

// `platforms` are those that build the module; its architecture is X64, the only one of MM.
// Without a program the C sources aren't examined.
ReadResult<ModulePlan> plan_module(Workspace& workspace, const std::vector<Platform>& platforms, const Rules& rules,
                                   const std::string& inf, const FactsProgram* program = nullptr,
                                   const SourceOptions& options = {});

}  // namespace redoubt::port
