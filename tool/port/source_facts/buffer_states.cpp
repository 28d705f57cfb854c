// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/buffer_states.hpp"

#include <algorithm>

#include "tool/port/source_facts/known_functions.hpp"

namespace redoubt::tool::port {
namespace {

std::string parameter_root(const std::string& function, unsigned index) {
  return "p:" + function + ":" + std::to_string(index);
}

/// Where a flow ends: for one through a pointer, the parameters of all functions that the pointer may lead to.
std::vector<std::string> destinations(const CallGraph& graph, const std::string& to) {
  if (!to.starts_with("i:")) {
    return {to};
  }
  const std::size_t end = to.rfind(':');
  std::vector<std::string> roots;
  for (const std::string& function : graph.functions_of(to.substr(2, end - 2))) {
    roots.push_back("p:" + function + to.substr(end));
  }
  return roots;
}

}  // namespace

BufferStates::State BufferStates::derived(const State& state, Form form) {
  switch (form) {
    case Form::same: return state;
    case Form::loaded: return {Holds::nested, state.handler};
    case Form::copied: return {Holds::copy, state.handler};
  }
  return state;
}

BufferStates::BufferStates(const CallGraph& graph, const std::vector<Handler>& handlers) {
  find_validators(graph);
  std::map<std::string, std::vector<Incoming>> outgoing;
  for (const auto& [id, function] : graph.functions()) {
    for (const Flow& flow : function->flows) {
      for (const std::string& to : destinations(graph, flow.to)) {
        outgoing[flow.from.root].push_back({function, &flow, to});
        incoming_[to].push_back({function, &flow, to});
      }
    }
  }
  std::vector<std::pair<std::string, State>> open;
  const auto reach = [&](const std::string& root, const State& state) {
    if (states_[root].insert(state).second) {
      open.emplace_back(root, state);
    }
  };
  for (const Handler& handler : handlers) {
    const State state{Holds::buffer, handler.function_id};
    const std::string root = parameter_root(handler.function_id, handler.buffer);
    reach(root, state);
    unvalidated_.emplace(root, state);
  }
  while (!open.empty()) {
    const auto [root, state] = open.back();
    open.pop_back();
    if (const auto flows = outgoing.find(root); flows != outgoing.end()) {
      for (const Incoming& each : flows->second) {
        const State arriving = derived(state, each.flow->from.form);
        reach(each.to, arriving);
        if (each.to != root || arriving != state) {
          sources_.try_emplace({each.to, arriving}, Source{root, state, {each.function, each.flow->place}});
        }
      }
    }
  }
  // What arrives unvalidated on one way is unvalidated, and so is all that it becomes.
  bool changed = true;
  while (changed) {
    changed = false;
    for (const auto& [root, flows] : incoming_) {
      for (const Incoming& each : flows) {
        for (const State& state : states(each.flow->from.root)) {
          const State arriving = derived(state, each.flow->from.form);
          const bool carried = each.flow->from.form == Form::same && is_validated(each.flow->from.root, state);
          if (!carried && validations(*each.function, each.flow->guards).empty()) {
            changed |= unvalidated_.emplace(root, arriving).second;
          }
        }
      }
    }
  }
}

const std::set<BufferStates::State>& BufferStates::states(const std::string& root) const {
  static const std::set<State> none;
  const auto found = states_.find(root);
  return found != states_.end() ? found->second : none;
}

std::vector<BufferStates::Step> BufferStates::way(std::string root, State state) const {
  std::vector<Step> steps;
  std::set<std::pair<std::string, State>> seen;
  while (seen.emplace(root, state).second) {
    const auto source = sources_.find({root, state});
    if (source == sources_.end()) {
      break;
    }
    steps.push_back(source->second.step);
    root = source->second.root;
    state = source->second.state;
  }
  std::ranges::reverse(steps);
  return steps;
}

bool BufferStates::is_validated(const std::string& root, const State& state) const {
  return !unvalidated_.contains({root, state});
}

bool BufferStates::decides(const std::string& callee, unsigned argument, bool when_nonzero) const {
  if (const auto known = validation(callee)) {
    return known->buffer == argument && known->valid_when_nonzero == when_nonzero;
  }
  return validators_.contains({callee, argument, when_nonzero});
}

bool BufferStates::is_validation(const Guard& guard) const {
  return decides(guard.callee, guard.argument, guard.when_nonzero);
}

std::vector<const Guard*> BufferStates::validations(const FunctionSummary& function,
                                                    const std::vector<unsigned>& guards) const {
  std::vector<const Guard*> found;
  for (unsigned index : guards) {
    const Guard& guard = function.guards[index];
    if (is_validation(guard)) {
      found.push_back(&guard);
    }
  }
  std::ranges::sort(found, {}, [](const Guard* guard) { return guard->place; });
  return found;
}

/// Whether a function returns this answer only for a parameter that was validated.
bool BufferStates::vouches(const FunctionSummary& function, unsigned parameter, bool when_nonzero) const {
  const Tag tag{parameter_root(function.id, parameter), Form::same, {}};
  bool asked = false;
  for (const Outcome& outcome : function.outcomes) {
    if (outcome.value == (when_nonzero ? Outcome::Value::zero : Outcome::Value::nonzero)) {
      continue;
    }
    const bool guarded = std::ranges::any_of(outcome.guards, [&](unsigned index) {
      return function.guards[index].tag == tag && is_validation(function.guards[index]);
    });
    const bool answered =
        outcome.value == Outcome::Value::call && std::ranges::any_of(outcome.calls, [&](unsigned at) {
          const Guard& call = function.guards[at];
          return call.tag == tag && decides(call.callee, call.argument, when_nonzero != outcome.negated);
        });
    if (!guarded && !answered) {
      return false;
    }
    asked = true;
  }
  return asked;
}

void BufferStates::find_validators(const CallGraph& graph) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (const auto& [id, function] : graph.functions()) {
      for (unsigned parameter = 0; parameter < function->parameters.size(); ++parameter) {
        for (const bool when_nonzero : {true, false}) {
          if (!validation(id) && vouches(*function, parameter, when_nonzero)) {
            changed |= validators_.emplace(id, parameter, when_nonzero).second;
          }
        }
      }
    }
  }
}

}  // namespace redoubt::tool::port
