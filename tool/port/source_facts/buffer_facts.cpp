// SPDX-License-Identifier: BSD-2-Clause-Patent
// Facts about messages' buffers.

#include "tool/port/source_facts/kinds.hpp"
#include "tool/port/source_facts/known_functions.hpp"
#include "tool/port/source_facts/module_facts.hpp"

namespace redoubt::tool::port {

std::vector<BufferStates::Handler> Module::message_handlers() const {
  std::vector<BufferStates::Handler> handlers;
  std::set<std::string> seen;
  for (const UnitSummary& unit : units_) {
    for (const PhaseRoot& root : unit.roots) {
      if (root.phase != "handler") {
        continue;
      }
      for (const std::string& function : graph_.functions_of(root.node)) {
        const auto found = graph_.functions().find(function);
        if (found != graph_.functions().end() && found->second->parameters.size() >= 3 &&
            seen.insert(function).second) {
          handlers.push_back({function, 2});
        }
      }
    }
  }
  return handlers;
}

void Module::find_buffer_facts() {
  std::map<std::string, Count> counts;
  for (const auto& [id, function] : graph_.functions()) {
    for (const BufferAccess& access : function->accesses) {
      report_access(*function, access, counts);
    }
    if (request_.wants(kind::buffer_check)) {
      for (const BufferCheck& check : function->checks) {
        report_check(*function, check);
      }
    }
    if (request_.wants(kind::nested_pointer)) {
      for (const PointerLoad& load : function->loads) {
        report_load(*function, load);
      }
    }
  }
  if (!request_.wants(kind::comm_buffer)) {
    return;
  }
  for (const BufferStates::Handler& handler : message_handlers()) {
    const FunctionSummary& function = *graph_.functions().at(handler.function_id);
    Json json = fact(kind::comm_buffer, function.place, function.id);
    json["buffer"] = function.parameters[2];
    json["size"] = function.parameters.size() > 3 ? function.parameters[3] : "";
    json["accesses"] = counts[handler.function_id].accesses;
    json["unvalidated"] = counts[handler.function_id].unvalidated;
    json["incomplete"] = incomplete_with(handler.function_id);
    facts_.push_back(std::move(json));
  }
}

std::vector<std::string> Module::names_of_handlers(const std::set<std::string>& ids) const {
  std::set<std::string> names;
  for (const std::string& id : ids) {
    names.insert(name_of(id));
  }
  return {names.begin(), names.end()};
}

void Module::report_access(const FunctionSummary& function, const BufferAccess& access,
                           std::map<std::string, Count>& counts) {
  // A call counts only if what is called can't be looked into.
  if (!access.passed_to.empty() && (access.passed_to.starts_with("variable:") ||
                                    access.passed_to.starts_with("parameter:") || graph_.is_defined(access.passed_to) ||
                                    !graph_.functions_of(access.passed_to).empty() || is_known(access.passed_to))) {
    return;
  }
  const std::vector<const Guard*> validations = buffers_.validations(function, access.guards);
  std::map<std::pair<Holds, bool>, std::set<std::string>> found;  // handlers, by what is touched and if validated
  std::map<std::pair<Holds, bool>, BufferStates::State> origin;
  for (const BufferStates::State& state : buffers_.states(access.tag.root)) {
    const BufferStates::State touched = BufferStates::derived(state, access.tag.form);
    if (touched.holds == Holds::copy) {
      continue;
    }
    const bool validated =
        !validations.empty() || (access.tag.form == Form::same && buffers_.is_validated(access.tag.root, state));
    found[{touched.holds, validated}].insert(touched.handler);
    origin.try_emplace({touched.holds, validated}, state);
  }
  for (const auto& [what, handlers] : found) {
    for (const std::string& handler : handlers) {
      ++counts[handler].accesses;
      counts[handler].unvalidated += what.second ? 0 : 1;
    }
    if (!request_.wants(kind::buffer_access)) {
      continue;
    }
    Json json = fact(kind::buffer_access, access.place, function.id);
    json["of"] = word(what.first);
    json["access"] = !access.passed_to.empty() ? "passed" : access.writes ? "write" : "read";
    json["expression"] = access.expression;
    if (!access.passed_to.empty()) {
      json["passed_to"] = name_of(access.passed_to);
    }
    if (!access.tag.via.empty()) {
      json["via"] = access.tag.via;
    }
    json["handlers"] = names_of_handlers(handlers);
    json["validated"] = what.second;
    Json by = Json::array();
    for (const Guard* guard : validations) {
      Json entry = json_of(guard->place);
      entry["call"] = guard->text;
      by.push_back(std::move(entry));
    }
    // Validated, and not here: by every caller.
    json["validated_by"] = std::move(by);
    json["way"] = way_json(access.tag.root, origin.at(what));
    facts_.push_back(std::move(json));
  }
}

Json Module::way_json(const std::string& root, const BufferStates::State& state) const {
  Json way = Json::array();
  for (const BufferStates::Step& step : buffers_.way(root, state)) {
    Json entry = json_of(step.place);
    entry["function"] = step.function->name;
    way.push_back(std::move(entry));
  }
  return way;
}

bool Module::is_known(const std::string& function) {
  return validation(function).has_value() || memory_call(function).has_value();
}

void Module::report_check(const FunctionSummary& function, const BufferCheck& check) {
  std::set<Holds> what;
  for (const Tag& tag : check.tags) {
    for (const BufferStates::State& state : buffers_.states(tag.root)) {
      what.insert(BufferStates::derived(state, tag.form).holds);
    }
  }
  Json json = fact(kind::buffer_check, check.place, function.id);
  json["check"] = check.name;
  json["of"] = Json::array();
  for (const Holds holds : what) {
    json["of"].push_back(holds == Holds::copy ? "copy" : word(holds));
  }
  json["call"] = check.call;
  facts_.push_back(std::move(json));
}

void Module::report_load(const FunctionSummary& function, const PointerLoad& load) {
  std::set<std::string> handlers;
  for (const BufferStates::State& state : buffers_.states(load.tag.root)) {
    handlers.insert(state.handler);
  }
  if (handlers.empty()) {
    return;
  }
  Json json = fact(kind::nested_pointer, load.place, function.id);
  json["expression"] = load.expression;
  json["via"] = load.via;
  json["handlers"] = names_of_handlers(handlers);
  facts_.push_back(std::move(json));
}

}  // namespace redoubt::tool::port
