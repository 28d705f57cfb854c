// SPDX-License-Identifier: BSD-2-Clause-Patent
// What moving a module's C and assembly sources to Standalone MM takes, by what redoubt-source-facts finds in them: the
// part that is common to both models is edited so that it compiles in both, what differs goes to a source for each, and
// what only a person can know is a decision.
#pragma once

#include <set>

#include "tool/port/plan/new_files.hpp"
#include "tool/port/plan/plan_item.hpp"
#include "tool/port/plan/rules.hpp"
#include "tool/port/sources/facts_program.hpp"
#include "tool/port/sources/model_halves.hpp"
#include "tool/port/workspace/workspace.hpp"

namespace redoubt::port {

struct SourcePlan {
  std::vector<PlanItem> items;
  std::vector<NewFile> new_files;
  std::vector<ChangedFile> changed_files;
  // The Traditional INF with the sources and library classes that it needs now; empty if it stays as it is.
  std::string traditional_inf;
  std::vector<std::size_t> traditional_lines;  // the line as it was read, for each of these; indices
  // For the Standalone INF: sources of the Traditional half with those of the other, and entry points alike.
  std::map<std::string, std::string> standalone_sources;
  std::map<std::string, std::string> standalone_entries;
  std::vector<std::string> more_standalone_sources;  // without a counterpart in the Traditional one
  std::set<std::string> standalone_protocols;
  std::set<std::string> standalone_classes;                 // that it needs besides
  std::map<std::string, std::vector<Place>> pcd_uses;       // by the PCD's name without its token space
  std::map<std::string, std::vector<Place>> protocol_uses;  // of DXE's database, by the GUID's name
  std::set<std::string> installed_in_dxe;                   // GUIDs
  std::set<std::string> traditional_names;                  // words that only the Traditional half has
  std::vector<ReadError> drift;  // where the halves that are there don't go together any more
  bool needs_split = false;
};

// Answers to decisions, by "STEP SUBJECT".
using Answers = std::map<std::string, std::string, std::less<>>;

struct SourceOptions {
  Target target = Target::redoubt;
  Answers answers;
};

ReadResult<SourcePlan> plan_sources(Workspace& workspace, const Rules& rules, const InfFile& traditional,
                                    const FactsProgram& program, const SourceOptions& options);

}  // namespace redoubt::port
