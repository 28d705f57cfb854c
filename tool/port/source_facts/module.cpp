// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/module.hpp"

#include <algorithm>
#include <optional>

#include "tool/port/source_facts/buffer_states.hpp"
#include "tool/port/source_facts/call_graph.hpp"
#include "tool/port/source_facts/kinds.hpp"
#include "tool/port/source_facts/known_functions.hpp"

namespace redoubt::tool::port {
namespace {

Json json_of(const Place& place) {
  Json json;
  json["file"] = place.file;
  json["line"] = place.line;
  json["column"] = place.column;
  return json;
}

class Module {
 public:
  Module(const Request& request, const std::vector<UnitSummary>& units)
      : request_(request), units_(units), graph_(request, units), buffers_(graph_, message_handlers()) {}

  Json answer() {
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

 private:
  // ---- what this program says of itself and of the sources ----

  Json units_json() const {
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

  /// Whether a part of a function didn't parse, so that it may do more than is known.
  static bool is_incomplete(const UnitSummary& unit, const FunctionSummary& function) {
    const auto first = unit.error_lines.lower_bound({function.place.file, function.place.line});
    return first != unit.error_lines.end() && first->first == function.place.file &&
           first->second <= function.last_line;
  }

  /// The functions, by name, that get something of a handler's message and didn't parse as a whole.
  std::set<std::string> incomplete_with(const std::string& handler) const {
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

  Json functions_json() const {
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

  /// The facts in the order of the sources, each once: a header is seen by several units.
  Json facts_json() {
    std::ranges::sort(facts_, {}, [](const Json& fact) {
      return std::tuple(fact["file"].get_ref<const std::string&>(), fact["line"].get<unsigned>(),
                        fact["column"].get<unsigned>(), fact["kind"].get_ref<const std::string&>());
    });
    facts_.erase(std::unique(facts_.begin(), facts_.end()), facts_.end());
    return facts_;
  }

  // ---- facts ----

  std::string name_of(const std::string& function_id) const {
    const auto found = graph_.functions().find(function_id);
    return found != graph_.functions().end() ? found->second->name : function_id.substr(0, function_id.find('@'));
  }

  Json fact(const char* kind, const Place& place, const std::string& function_id) const {
    Json json;
    json["kind"] = kind;
    json.update(json_of(place));
    json["function"] = name_of(function_id);
    json["phases"] = graph_.phases(function_id);
    return json;
  }

  static Json kept_json(const std::vector<Storage>& kept) {
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

  /// The functions that use what is kept in one of these places after initialization, and how a handler gets there.
  Json users_in_handlers(const std::vector<Storage>& kept) const {
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

  void find_entry_points() {
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

  void report_unit_facts() {
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

  /// What is kept in a local variable only is used where it is located.
  Json used_by_handlers(const Fact& found) const {
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

  /// The places where memory is freed that is kept where this allocation is kept.
  Json freed(const Fact& allocation) const {
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

  // ---- buffers ----

  std::vector<BufferStates::Handler> message_handlers() const {
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

  static const char* word(Holds holds) { return holds == Holds::nested ? "nested" : "buffer"; }

  struct Count {
    unsigned accesses = 0;
    unsigned unvalidated = 0;
  };

  void find_buffer_facts() {
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

  std::vector<std::string> names_of_handlers(const std::set<std::string>& ids) const {
    std::set<std::string> names;
    for (const std::string& id : ids) {
      names.insert(name_of(id));
    }
    return {names.begin(), names.end()};
  }

  void report_access(const FunctionSummary& function, const BufferAccess& access,
                     std::map<std::string, Count>& counts) {
    // A call counts only if what is called can't be looked into.
    if (!access.passed_to.empty() &&
        (access.passed_to.starts_with("variable:") || access.passed_to.starts_with("parameter:") ||
         graph_.is_defined(access.passed_to) || !graph_.functions_of(access.passed_to).empty() ||
         is_known(access.passed_to))) {
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

  Json way_json(const std::string& root, const BufferStates::State& state) const {
    Json way = Json::array();
    for (const BufferStates::Step& step : buffers_.way(root, state)) {
      Json entry = json_of(step.place);
      entry["function"] = step.function->name;
      way.push_back(std::move(entry));
    }
    return way;
  }

  /// Functions that are known to read nothing through a pointer that they are given, or to check it themselves.
  static bool is_known(const std::string& function) {
    return validation(function).has_value() || memory_call(function).has_value();
  }

  void report_check(const FunctionSummary& function, const BufferCheck& check) {
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

  void report_load(const FunctionSummary& function, const PointerLoad& load) {
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

  // ---- what initialization and handlers share ----

  void find_shared_globals() {
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

  void shared_buffer(const Place& place, const std::string& function_id, const std::string& source, Json kept,
                     Json users) {
    Json json = fact(kind::shared_buffer, place, function_id);
    json["source"] = source;
    json["kept"] = std::move(kept);
    json["used_by_handlers"] = std::move(users);
    facts_.push_back(std::move(json));
  }

  void find_shared_buffers() {
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

  // ---- what isn't there ----

  void find_unresolved_calls() {
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

  const Request& request_;
  const std::vector<UnitSummary>& units_;
  const CallGraph graph_;
  const BufferStates buffers_;
  std::multimap<std::string, std::string> readers_;  ///< of variables and members: functions
  std::vector<Json> facts_;
};

}  // namespace

Json module_facts(const Request& request, const std::vector<UnitSummary>& units) {
  return Module(request, units).answer();
}

}  // namespace redoubt::tool::port
