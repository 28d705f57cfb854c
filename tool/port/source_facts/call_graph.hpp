// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who may call whom over all units, through pointers too: a call through a member reaches every function that is stored
// in that member of that record anywhere.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/summary.hpp"

namespace redoubt::tool::port {

class CallGraph {
 public:
  CallGraph(const Request& request, const std::vector<UnitSummary>& units);

  /// The phases in which a function runs, in the words of facts.md; none if nothing leads to it.
  const std::set<std::string>& phases(const std::string& function_id) const;

  /// Whether a function runs on behalf of a message, another event in MM, or something unknown: after initialization.
  bool runs_in_handlers(const std::string& function_id) const;

  /// The functions (by id) that a node leads to without running any.
  std::vector<std::string> functions_of(const std::string& node) const;

  bool is_defined(const std::string& function_id) const { return functions_.contains(function_id); }

  /// For a reader: how a handler gets to a function, by names, the handler first. Empty if none does.
  std::vector<std::string> way_from_handler(const std::string& function_id) const;

  const std::map<std::string, const FunctionSummary*>& functions() const { return functions_; }

 private:
  void spread(const std::string& phase, const std::string& node);
  void spread_callbacks();

  std::map<std::string, const FunctionSummary*> functions_;
  std::map<std::string, std::set<std::string>> next_;
  std::map<std::string, std::set<std::string>> phases_;  ///< by node
  std::map<std::string, std::string> reached_from_;      ///< by node: the way of the first handler phase
};

}  // namespace redoubt::tool::port
