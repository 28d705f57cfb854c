// SPDX-License-Identifier: BSD-2-Clause-Patent
// What initialization and handlers share.
#include <algorithm>

#include "tool/port/source_facts/kinds.hpp"
#include "tool/port/source_facts/module_facts.hpp"

namespace redoubt::tool::port {

Json Module::kept_json(const std::vector<Storage>& kept) {
  Json json = Json::array();
  for (const Storage& storage : kept) {
    Json entry;
    entry["kind"] = storage.kind;
    entry["name"] = storage.name;
    if (storage.kind == "member" && !storage.id.empty()) {
      entry["member"] = storage.id;
    }
    if (std::ranges::find(json, entry) == json.end()) {
      json.push_back(std::move(entry));
    }
  }
  return json;
}

Json Module::users_in_handlers(const std::vector<Storage>& kept) const {
  std::map<std::string, std::string> users;  // by name: id
  for (const Storage& storage : kept) {
    if (!storage.lasts()) {
      continue;
    }
    const auto [begin, end] = readers_.equal_range(storage.id);
    for (auto each = begin; each != end; ++each) {
      if (graph_.runs_in_handlers(each->second)) {
        users.emplace(name_of(each->second), each->second);
      }
    }
  }
  Json json = Json::array();
  for (const auto& [name, id] : users) {
    Json entry;
    entry["function"] = name;
    entry["way"] = graph_.way_from_handler(id);
    json.push_back(std::move(entry));
  }
  return json;
}

Json Module::used_by_handlers(const Fact& found) const {
  Json users = users_in_handlers(found.kept);
  const bool lasts = std::ranges::any_of(found.kept, &Storage::lasts);
  if (!lasts && graph_.runs_in_handlers(found.function_id)) {
    Json entry;
    entry["function"] = name_of(found.function_id);
    entry["way"] = graph_.way_from_handler(found.function_id);
    users.push_back(std::move(entry));
  }
  return users;
}

Json Module::freed(const Fact& allocation) const {
  Json places = Json::array();
  for (const UnitSummary& unit : units_) {
    for (const Fact& other : unit.facts) {
      if (other.kind != kind::memory || other.detail["operation"] != "free" || other.kept.empty()) {
        continue;
      }
      const bool same = std::ranges::any_of(allocation.kept, [&](const Storage& storage) {
        return !storage.id.empty() && storage.id == other.kept[0].id;
      });
      if (same) {
        Json entry = json_of(other.place);
        entry["function"] = name_of(other.function_id);
        entry["service"] = other.detail["service"];
        places.push_back(std::move(entry));
      }
    }
  }
  return places;
}

void Module::find_shared_globals() {
  if (!request_.wants(kind::shared_global)) {
    return;
  }
  struct Use {
    std::set<std::string> written_by, read_by;
  };
  std::map<std::string, Use> initialization;
  std::map<std::string, Use> handlers;
  for (const UnitSummary& unit : units_) {
    for (const VariableAccess& access : unit.variable_accesses) {
      const std::set<std::string>& phases = graph_.phases(access.function_id);
      const std::string name = name_of(access.function_id);
      if (phases.contains("initialization")) {
        Use& use = initialization[access.variable];
        (access.writes ? use.written_by : use.read_by).insert(name);
      }
      if (graph_.runs_in_handlers(access.function_id)) {
        Use& use = handlers[access.variable];
        (access.writes ? use.written_by : use.read_by).insert(name);
      }
    }
  }
  for (const UnitSummary& unit : units_) {
    for (const GlobalVariable& variable : unit.variables) {
      const auto before = initialization.find(variable.id);
      const auto after = handlers.find(variable.id);
      // What is never written is a constant, whatever its type says.
      if (variable.is_constant || before == initialization.end() || after == handlers.end() ||
          (before->second.written_by.empty() && after->second.written_by.empty())) {
        continue;
      }
      Json json = fact(kind::shared_global, variable.place, {});
      json["name"] = variable.name;
      json["static"] = variable.is_static;
      json["initialization_writes"] = before->second.written_by;
      json["initialization_reads"] = before->second.read_by;
      json["handlers_write"] = after->second.written_by;
      json["handlers_read"] = after->second.read_by;
      facts_.push_back(std::move(json));
    }
  }
}

void Module::shared_buffer(const Place& place, const std::string& function_id, const std::string& source, Json kept,
                           Json users) {
  Json json = fact(kind::shared_buffer, place, function_id);
  json["source"] = source;
  json["kept"] = std::move(kept);
  json["used_by_handlers"] = std::move(users);
  facts_.push_back(std::move(json));
}

void Module::find_shared_buffers() {
  if (!request_.wants(kind::shared_buffer)) {
    return;
  }
  for (const UnitSummary& unit : units_) {
    for (const Fact& found : unit.facts) {
      const bool is_allocation = found.kind == kind::memory && found.detail["operation"] == "allocate" &&
                                 found.detail["owner"] == "boot_services";
      const bool is_table = found.kind == kind::configuration_table && found.detail["operation"] == "lookup";
      Json users = is_allocation || is_table ? users_in_handlers(found.kept) : Json::array();
      if (!users.empty()) {
        shared_buffer(found.place, found.function_id, is_allocation ? "dxe_allocation" : "configuration_table",
                      kept_json(found.kept), std::move(users));
      }
    }
  }
  // An address that came in a message and outlives it.
  for (const auto& [id, function] : graph_.functions()) {
    for (const Flow& flow : function->flows) {
      if (!flow.is_address || (!flow.to.starts_with("v:") && !flow.to.starts_with("m:"))) {
        continue;
      }
      for (const BufferStates::State& state : buffers_.states(flow.from.root)) {
        const Holds holds = BufferStates::derived(state, flow.from.form).holds;
        if (holds == Holds::copy) {
          continue;
        }
        const std::string place = flow.to.substr(2);
        Storage kept;
        kept.kind = flow.to.starts_with("m:") ? "member" : place.find('@') != std::string::npos ? "static" : "global";
        kept.id = place;
        kept.name = place.substr(0, place.find('@'));
        shared_buffer(flow.place, id, holds == Holds::nested ? "nested_pointer" : "comm_buffer", kept_json({kept}),
                      users_in_handlers({kept}));
      }
    }
  }
}

}  // namespace redoubt::tool::port
