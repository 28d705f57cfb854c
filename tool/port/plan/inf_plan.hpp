// SPDX-License-Identifier: BSD-2-Clause-Patent
// Plans a module's INF. The new INF is the old one with changes, so that its order and its comments stay; each change
// is an item of the plan.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tool/port/metadata/line_changes.hpp"
#include "tool/port/metadata/text.hpp"
#include "tool/port/plan/module_plan.hpp"

namespace redoubt::port {

class InfPlan {
 public:
  // `sources` is null where they aren't examined.
  InfPlan(Workspace& workspace, const std::vector<Platform>& platforms, const Rules& rules, const InfFile& inf,
          const SourcePlan* sources, ModulePlan& plan)
      : workspace_(workspace), platforms_(platforms), rules_(rules), inf_(inf), sources_(sources), plan_(plan) {}
  ReadResult<void> run();
  const LineChanges& changes() const { return changes_; }
  // Whether a part of the module is DXE's business.
  bool needs_split() const { return needs_split_; }

 private:
  Build old_build() const { return {"X64", inf_.module_type()}; }
  // In the INF as it is, which the one that the plan rests on may have lines more than.
  Place place(std::size_t line) const;
  std::string content(std::size_t line) const { return std::string(clean(inf_.document().line(line)).content); }
  std::size_t line_of(const InfEntry& entry) const { return inf_.file().entries[entry.entry].line; }
  void edit(const char* step, std::size_t line, std::string subject, std::string reason, std::string after);
  void remove(const char* step, const InfEntry& entry, std::string reason);
  void decide(const char* step, std::size_t line, std::string subject, std::string reason,
              std::vector<std::string> candidates);
  // A line in the section of that kind, made if there is none.
  void add(const char* step, const char* kind, const char* heading, const std::string& name, std::string reason);
  void flush_additions();
  void set_define(const char* step, const DefineEntry& define, const std::string& value, std::string reason);
  void defines();
  // A core isn't moved as drivers are.
  void core(const DefineEntry& define);
  void library_class(const DefineEntry& define);
  void headings();
  void sources();
  // What only the Traditional half names. Protocols and GUIDs follow the code of each half.
  void left_behind();
  std::vector<Place> uses_of(const std::map<std::string, std::vector<Place>> SourcePlan::* uses,
                             const std::string& name) const;
  void library_classes();
  void protocols_and_guids();
  void protocols_of_the_half(const std::set<std::string>& listed);
  void pcds();
  ReadResult<void> depex();
  // A protocol that only Traditional modules install never comes in Standalone MM.
  void check_term(std::size_t line, const std::string& name);
  // By another module, or the module would wait for itself.
  bool is_produced_in_mm(const std::string& name) const;
  void packages();
  // Texts for a user's list of modules; their names are the Traditional module's.
  void user_extensions();

  Workspace& workspace_;
  const std::vector<Platform>& platforms_;
  const Rules& rules_;
  const InfFile& inf_;
  const SourcePlan* sources_;
  ModulePlan& plan_;
  std::set<std::string> left_behind_;
  LineChanges changes_;
  std::map<std::string, std::vector<std::string>> additions_;
  std::vector<std::string> added_classes_;
  std::vector<std::string> added_guids_;
  bool has_specification_ = false;
  bool needs_split_ = false;
};

}  // namespace redoubt::port
