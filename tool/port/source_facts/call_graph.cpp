// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/call_graph.hpp"

#include <algorithm>
#include <array>

namespace redoubt::tool::port {
namespace {

constexpr std::string_view function_prefix = "function:";
constexpr std::string_view parameter_prefix = "parameter:";

constexpr std::array<std::string_view, 5> handler_phases{"handler", "notification", "dispatch", "protocol", "callback"};

bool is_handler_phase(const std::string& phase) {
  return std::ranges::find(handler_phases, phase) != handler_phases.end();
}

/// The function whose parameter a node is.
std::string owner_of_parameter(const std::string& node) {
  const std::size_t end = node.rfind(':');
  return node.substr(parameter_prefix.size(), end - parameter_prefix.size());
}

}  // namespace

CallGraph::CallGraph(const Request& request, const std::vector<UnitSummary>& units) {
  for (const UnitSummary& unit : units) {
    for (const FunctionSummary& function : unit.functions) {
      functions_.try_emplace(function.id, &function);
    }
    for (const Edge& edge : unit.edges) {
      if (!edge.from.empty()) {
        next_[edge.from].insert(edge.to);
      }
    }
  }
  for (const std::string& entry : request.entry_points) {
    spread("initialization", "function:" + entry);
  }
  for (const std::string& constructor : request.constructors) {
    spread("initialization", "function:" + constructor);
  }
  for (const std::string& unload : request.unload) {
    spread("unload", "function:" + unload);
  }
  for (const UnitSummary& unit : units) {
    for (const PhaseRoot& root : unit.roots) {
      spread(root.phase, root.node);
    }
  }
  spread_callbacks();
}

void CallGraph::spread_callbacks() {
  // What is handed to a function that isn't there may be called by it at any time.
  std::vector<std::string> handed_out;
  for (const auto& [node, targets] : next_) {
    if (node.starts_with(parameter_prefix) && !is_defined(owner_of_parameter(node)) && !phases_.contains(node)) {
      handed_out.push_back(node);
    }
  }
  for (const std::string& node : handed_out) {
    // Unless a call has said what it is for, as for an event of UefiLib.
    for (const std::string& target : next_[node]) {
      if (phases(target.substr(std::min(target.size(), function_prefix.size()))).empty() ||
          !target.starts_with(function_prefix)) {
        spread("callback", target);
      }
    }
  }
  // What is stored and isn't called in this module is stored for another one.
  std::vector<std::string> stored;
  for (const auto& [node, targets] : next_) {
    if (node.starts_with("member:") || node.starts_with("variable:")) {
      for (const std::string& target : targets) {
        if (target.starts_with(function_prefix) && phases(target.substr(function_prefix.size())).empty()) {
          stored.push_back(target);
        }
      }
    }
  }
  for (const std::string& target : stored) {
    spread("callback", target);
  }
}

void CallGraph::spread(const std::string& phase, const std::string& node) {
  std::vector<std::string> open{node};
  if (!phases_[node].insert(phase).second) {
    return;
  }
  while (!open.empty()) {
    const std::string from = open.back();
    open.pop_back();
    const auto targets = next_.find(from);
    if (targets == next_.end()) {
      continue;
    }
    for (const std::string& to : targets->second) {
      if (phases_[to].insert(phase).second) {
        if (is_handler_phase(phase)) {
          reached_from_.try_emplace(to, from);
        }
        open.push_back(to);
      }
    }
  }
}

const std::set<std::string>& CallGraph::phases(const std::string& function_id) const {
  static const std::set<std::string> none;
  const auto found = phases_.find(std::string(function_prefix) + function_id);
  return found != phases_.end() ? found->second : none;
}

bool CallGraph::runs_in_handlers(const std::string& function_id) const {
  return std::ranges::any_of(phases(function_id), is_handler_phase);
}

std::vector<std::string> CallGraph::functions_of(const std::string& node) const {
  std::set<std::string> found;
  std::set<std::string> seen{node};
  std::vector<std::string> open{node};
  while (!open.empty()) {
    const std::string from = open.back();
    open.pop_back();
    if (from.starts_with(function_prefix)) {
      found.insert(from.substr(function_prefix.size()));
      continue;
    }
    if (const auto targets = next_.find(from); targets != next_.end()) {
      for (const std::string& to : targets->second) {
        if (seen.insert(to).second) {
          open.push_back(to);
        }
      }
    }
  }
  return {found.begin(), found.end()};
}

std::vector<std::string> CallGraph::way_from_handler(const std::string& function_id) const {
  std::vector<std::string> way;
  if (!runs_in_handlers(function_id)) {
    return way;
  }
  std::set<std::string> seen;
  std::string node = std::string(function_prefix) + function_id;
  while (seen.insert(node).second) {
    if (node.starts_with(function_prefix)) {
      const auto function = functions_.find(node.substr(function_prefix.size()));
      way.push_back(function != functions_.end() ? function->second->name : node.substr(function_prefix.size()));
    }
    const auto before = reached_from_.find(node);
    if (before == reached_from_.end()) {
      break;
    }
    node = before->second;
  }
  std::ranges::reverse(way);
  return way;
}

}  // namespace redoubt::tool::port
