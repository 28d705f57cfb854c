// SPDX-License-Identifier: BSD-2-Clause-Patent
// What platforms' DSC and FDF files need for the Standalone module beside the Traditional one: lines are only added, so
// that the Traditional build stays what it is.
#pragma once

#include <set>

#include "tool/port/plan/module_plan.hpp"

namespace redoubt::port {

class PlatformPatch {
 public:
  // All of them must outlive it; `plan` gets the items.
  PlatformPatch(Workspace& workspace, const Rules& rules, const InfFile& traditional, const InfFile& standalone,
                ModulePlan& plan)
      : workspace_(workspace), rules_(rules), traditional_(traditional), standalone_(standalone), plan_(plan) {}

  ReadResult<void> add(const Platform& platform);
  // A patch that `git apply` takes from the tree's top. Files that several platforms include are changed once.
  ReadResult<std::string> text();

 private:
  Build build() const { return {"X64", plan_.standalone_type}; }
  Component standalone_component(const Component& traditional);
  std::vector<LibraryBinding> bind_libraries(Platform& trial, const Component& component);
  std::string instance_for(const LinkProblem& problem, const Platform& platform) const;
  void decide_on(const LinkProblem& problem);
  ReadResult<void> check_depex(const Platform& trial, const Component& component);
  void add_component(const Component& traditional, const Component& standalone);
  ReadResult<void> bind_for_traditional(const Platform& platform, const Component& component);
  ReadResult<void> add_bindings(const Platform& platform, const std::vector<LibraryBinding>& bindings,
                                const std::string& module_type);
  ReadResult<void> add_alignment(const Platform& platform);
  ReadResult<void> add_to_flash(const FdfFile& fdf);

  // Once for the same lines at the same place; adds an item for the first of them.
  void insert(const Place& behind, const std::vector<std::string>& lines, const char* step, std::string subject,
              std::string reason);
  ReadResult<void> append(const std::string& file, const std::vector<std::string>& lines, const char* step,
                          std::string subject, std::string reason);
  void decide(PlanItem item);
  std::string indent_of(const Place& place);

  Workspace& workspace_;
  const Rules& rules_;
  const InfFile& traditional_;
  const InfFile& standalone_;
  ModulePlan& plan_;
  std::map<std::string, LineChanges> changes_;
  std::set<std::string> done_;
};

}  // namespace redoubt::port
