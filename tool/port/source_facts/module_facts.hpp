// SPDX-License-Identifier: BSD-2-Clause-Patent
// A module's facts in the making: what its units say, joined with the call graph and with what is known of buffers.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tool/port/source_facts/buffer_states.hpp"
#include "tool/port/source_facts/call_graph.hpp"
#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/summary.hpp"

namespace redoubt::tool::port {

Json json_of(const Place& place);

class Module {
 public:
  Module(const Request& request, const std::vector<UnitSummary>& units)
      : request_(request), units_(units), graph_(request, units), buffers_(graph_, message_handlers()) {}

  Json answer();

 private:
  // ---- what this program says of itself and of the sources ----

  Json units_json() const;
  /// Whether a part of a function didn't parse, so that it may do more than is known.
  static bool is_incomplete(const UnitSummary& unit, const FunctionSummary& function);
  /// The functions, by name, that get something of a handler's message and didn't parse as a whole.
  std::set<std::string> incomplete_with(const std::string& handler) const;
  Json functions_json() const;
  /// The facts in the order of the sources, each once: a header is seen by several units.
  Json facts_json();

  // ---- facts ----

  std::string name_of(const std::string& function_id) const;
  Json fact(const char* kind, const Place& place, const std::string& function_id) const;
  static Json kept_json(const std::vector<Storage>& kept);
  /// The functions that use what is kept in one of these places after initialization, and how a handler gets there.
  Json users_in_handlers(const std::vector<Storage>& kept) const;
  void find_entry_points();
  void report_unit_facts();
  /// What is kept in a local variable only is used where it is located.
  Json used_by_handlers(const Fact& found) const;
  /// The places where memory is freed that is kept where this allocation is kept.
  Json freed(const Fact& allocation) const;

  // ---- buffers ----

  std::vector<BufferStates::Handler> message_handlers() const;
  static const char* word(Holds holds) { return holds == Holds::nested ? "nested" : "buffer"; }

  struct Count {
    unsigned accesses = 0;
    unsigned unvalidated = 0;
  };

  void find_buffer_facts();
  std::vector<std::string> names_of_handlers(const std::set<std::string>& ids) const;
  void report_access(const FunctionSummary& function, const BufferAccess& access, std::map<std::string, Count>& counts);
  Json way_json(const std::string& root, const BufferStates::State& state) const;
  /// Functions that are known to read nothing through a pointer that they are given, or to check it themselves.
  static bool is_known(const std::string& function);
  void report_check(const FunctionSummary& function, const BufferCheck& check);
  void report_load(const FunctionSummary& function, const PointerLoad& load);

  // ---- what initialization and handlers share ----

  void find_shared_globals();
  void shared_buffer(const Place& place, const std::string& function_id, const std::string& source, Json kept,
                     Json users);
  void find_shared_buffers();

  // ---- what isn't there ----

  void find_unresolved_calls();

  const Request& request_;
  const std::vector<UnitSummary>& units_;
  const CallGraph graph_;
  const BufferStates buffers_;
  std::multimap<std::string, std::string> readers_;  ///< of variables and members: functions
  std::vector<Json> facts_;
};

}  // namespace redoubt::tool::port
