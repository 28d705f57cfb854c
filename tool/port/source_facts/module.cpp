// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/module.hpp"

#include <algorithm>

#include "tool/port/source_facts/kinds.hpp"
#include "tool/port/source_facts/module_facts.hpp"

namespace redoubt::tool::port {

Json json_of(const Place& place) {
  Json json;
  json["file"] = place.file;
  json["line"] = place.line;
  json["column"] = place.column;
  return json;
}

Json Module::answer() {
  find_entry_points();
  report_unit_facts();
  find_buffer_facts();
  find_shared_globals();
  find_shared_buffers();
  find_unresolved_calls();
  Json json;
  json["version"] = 1;
  json["module"] = request_.module;
  json["module_type"] = request_.module_type;
  json["units"] = units_json();
  json["functions"] = functions_json();
  json["facts"] = facts_json();
  return json;
}

Json Module::units_json() const {
  Json units = Json::array();
  for (const UnitSummary& unit : units_) {
    Json json;
    json["file"] = unit.file;
    json["parsed"] = unit.parsed;
    json["errors"] = Json::array();
    for (const Diagnostic& error : unit.errors) {
      Json entry = json_of(error.place);
      entry["message"] = error.message;
      json["errors"].push_back(std::move(entry));
    }
    json["missing_includes"] = Json::array();
    for (const MissingInclude& include : unit.missing_includes) {
      Json entry = json_of(include.place);
      entry["name"] = include.name;
      entry["stood_in"] = include.stood_in;
      json["missing_includes"].push_back(std::move(entry));
    }
    json["assumed_names"] = Json::array();
    for (const AssumedName& name : unit.assumed_names) {
      Json entry = json_of(name.place);
      entry["name"] = name.name;
      entry["as"] = name.as;
      json["assumed_names"].push_back(std::move(entry));
    }
    json["incomplete_functions"] = Json::array();
    for (const FunctionSummary& function : unit.functions) {
      if (is_incomplete(unit, function)) {
        json["incomplete_functions"].push_back(function.name);
      }
    }
    json["unknown_flow"] = Json::array();
    for (const FunctionSummary& function : unit.functions) {
      if (function.flow_unknown && !is_assembly(unit.file)) {
        json["unknown_flow"].push_back(function.name);
      }
    }
    units.push_back(std::move(json));
  }
  return units;
}

bool Module::is_incomplete(const UnitSummary& unit, const FunctionSummary& function) {
  const auto first = unit.error_lines.lower_bound({function.place.file, function.place.line});
  return first != unit.error_lines.end() && first->first == function.place.file && first->second <= function.last_line;
}

std::set<std::string> Module::incomplete_with(const std::string& handler) const {
  std::set<std::string> names;
  for (const UnitSummary& unit : units_) {
    for (const FunctionSummary& function : unit.functions) {
      bool handles = function.id == handler;
      for (unsigned index = 0; index < function.parameters.size() && !handles; ++index) {
        const auto& states = buffers_.states("p:" + function.id + ":" + std::to_string(index));
        handles =
            std::ranges::any_of(states, [&](const BufferStates::State& state) { return state.handler == handler; });
      }
      if (handles && (is_incomplete(unit, function) || function.flow_unknown)) {
        names.insert(function.name);
      }
    }
  }
  return names;
}

Json Module::functions_json() const {
  std::vector<const FunctionSummary*> functions;
  for (const auto& [id, function] : graph_.functions()) {
    functions.push_back(function);
  }
  std::ranges::sort(functions, {}, [](const FunctionSummary* function) { return function->place; });
  Json json = Json::array();
  for (const FunctionSummary* function : functions) {
    Json entry;
    entry["name"] = function->name;
    entry.update(json_of(function->place));
    entry["static"] = function->is_static;
    entry["phases"] = graph_.phases(function->id);
    const DefinitionExtent& definition = function->definition;
    entry["definition"] = {{"head", definition.head},
                           {"name", definition.name},
                           {"parameters", definition.parameters},
                           {"body", definition.body},
                           {"declarations", definition.declarations},
                           {"unused_parameters", definition.unused_parameters}};
    json.push_back(std::move(entry));
  }
  return json;
}

Json Module::facts_json() {
  std::ranges::sort(facts_, {}, [](const Json& fact) {
    return std::tuple(fact["file"].get_ref<const std::string&>(), fact["line"].get<unsigned>(),
                      fact["column"].get<unsigned>(), fact["kind"].get_ref<const std::string&>());
  });
  facts_.erase(std::unique(facts_.begin(), facts_.end()), facts_.end());
  return facts_;
}

std::string Module::name_of(const std::string& function_id) const {
  const auto found = graph_.functions().find(function_id);
  return found != graph_.functions().end() ? found->second->name : function_id.substr(0, function_id.find('@'));
}

Json Module::fact(const char* kind, const Place& place, const std::string& function_id) const {
  Json json;
  json["kind"] = kind;
  json.update(json_of(place));
  json["function"] = name_of(function_id);
  json["phases"] = graph_.phases(function_id);
  return json;
}

void Module::find_entry_points() {
  if (!request_.wants(kind::entry_point)) {
    return;
  }
  struct Role {
    const char* name;
    const std::vector<std::string>* functions;
  };
  for (const Role& role : {Role{"entry_point", &request_.entry_points}, Role{"constructor", &request_.constructors},
                           Role{"unload", &request_.unload}}) {
    for (const std::string& function : *role.functions) {
      const auto found = graph_.functions().find(function);
      const bool is_there = found != graph_.functions().end();
      Json json = fact(kind::entry_point, is_there ? found->second->place : Place{}, function);
      json["role"] = role.name;
      json["found"] = is_there;
      if (is_there) {
        json["parameters"] = found->second->parameters;
      }
      facts_.push_back(std::move(json));
    }
  }
}

void Module::report_unit_facts() {
  for (const UnitSummary& unit : units_) {
    for (const VariableAccess& access : unit.variable_accesses) {
      if (!access.writes) {
        readers_.emplace(access.variable, access.function_id);
      }
    }
  }
  for (const UnitSummary& unit : units_) {
    for (const Fact& found : unit.facts) {
      Json json = fact(found.kind.c_str(), found.place, found.function_id);
      json.update(found.detail);
      if (!found.target.empty()) {
        Json handlers = Json::array();
        for (const std::string& function : graph_.functions_of(found.target)) {
          handlers.push_back(name_of(function));
        }
        json["handlers"] = std::move(handlers);
      }
      if (!found.kept.empty()) {
        json["kept"] = kept_json(found.kept);
      }
      if (found.kind == kind::protocol_located || found.kind == kind::table_stored ||
          found.kind == kind::configuration_table) {
        json["used_by_handlers"] = used_by_handlers(found);
      }
      if (found.kind == kind::memory && found.detail["operation"] == "allocate") {
        json["freed"] = freed(found);
      }
      facts_.push_back(std::move(json));
    }
  }
}

void Module::find_unresolved_calls() {
  if (!request_.wants(kind::unresolved_call)) {
    return;
  }
  struct Unresolved {
    const DirectCall* first = nullptr;
    unsigned calls = 0;
    std::set<std::string> phases;
  };
  std::map<std::string, Unresolved> found;
  for (const UnitSummary& unit : units_) {
    for (const DirectCall& call : unit.calls) {
      if (graph_.is_defined(call.callee) || call.name.starts_with("__builtin")) {
        continue;
      }
      Unresolved& entry = found[call.name];
      if (entry.first == nullptr || call.place < entry.first->place) {
        entry.first = &call;
      }
      ++entry.calls;
      const std::set<std::string>& phases = graph_.phases(call.caller);
      entry.phases.insert(phases.begin(), phases.end());
    }
  }
  for (const auto& [name, entry] : found) {
    Json json = fact(kind::unresolved_call, entry.first->place, entry.first->caller);
    json["phases"] = entry.phases;
    json["name"] = name;
    json["calls"] = entry.calls;
    json["declared_in"] = entry.first->declared_in;
    facts_.push_back(std::move(json));
  }
}

Json module_facts(const Request& request, const std::vector<UnitSummary>& units) {
  return Module(request, units).answer();
}

}  // namespace redoubt::tool::port
