// SPDX-License-Identifier: BSD-2-Clause-Patent
// What each root of a value (a parameter, a lasting variable or member) is once all units are joined: the comm buffer
// of a handler, a pointer that was read from one, or memory that a copy of one is in; and whether it was validated on
// every way that leads there.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tool/port/source_facts/call_graph.hpp"
#include "tool/port/source_facts/summary.hpp"

namespace redoubt::tool::port {

enum class Holds { buffer, nested, copy };

class BufferStates {
 public:
  struct State {
    Holds holds;
    std::string handler;  ///< id of the handler whose message it is
    auto operator<=>(const State&) const = default;
  };
  struct Handler {
    std::string function_id;
    unsigned buffer = 2;  ///< the parameter
  };

  BufferStates(const CallGraph& graph, const std::vector<Handler>& handlers);

  const std::set<State>& states(const std::string& root) const;

  /// Whether what arrives at a root in this state was validated by all who pass it.
  bool is_validated(const std::string& root, const State& state) const;

  /// For a reader: how what a root holds got there from its handler, one step for each place where it was passed on.
  struct Step {
    const FunctionSummary* function;
    Place place;
  };
  std::vector<Step> way(std::string root, State state) const;

  /// The state of a value that was derived from a root in `state`.
  static State derived(const State& state, Form form);

  /// The validations among the guards of a function that vouch for a value.
  std::vector<const Guard*> validations(const FunctionSummary& function, const std::vector<unsigned>& guards) const;

 private:
  struct Incoming {
    const FunctionSummary* function;
    const Flow* flow;
    std::string to;
  };

  bool is_validation(const Guard& guard) const;
  bool decides(const std::string& callee, unsigned argument, bool when_nonzero) const;
  void find_validators(const CallGraph& graph);
  bool vouches(const FunctionSummary& function, unsigned parameter, bool when_nonzero) const;

  struct Source {
    std::string root;
    State state;
    Step step;
  };

  std::map<std::string, std::set<State>> states_;
  std::map<std::pair<std::string, State>, Source> sources_;
  std::map<std::string, std::vector<Incoming>> incoming_;
  std::set<std::pair<std::string, State>> unvalidated_;
  /// Functions of the module that answer for a parameter: id, parameter, and whether other than zero means valid.
  std::set<std::tuple<std::string, unsigned, bool>> validators_;
};

}  // namespace redoubt::tool::port
