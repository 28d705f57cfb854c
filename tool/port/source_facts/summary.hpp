// SPDX-License-Identifier: BSD-2-Clause-Patent
// What is kept of a translation unit once its syntax tree is gone: facts that stand for themselves, and what the
// module needs to draw conclusions across units. No type of the parser appears here.
//
// Things are named by text that is the same in every unit: a function or global variable by its name, with "@file"
// behind it if it is static; a member by "RECORD.member"; a local variable by "function/name:line". The call graph is
// drawn between such names with a word in front ("function:", "member:", "variable:", "parameter:", "record:").
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace redoubt::tool::port {

using Json = nlohmann::ordered_json;

struct Place {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  auto operator<=>(const Place&) const = default;
};

/// Where a value is kept: "global", "static", "local", "parameter", "member", "returned", or "other" if it can't be
/// said. `id` is the name across units, `name` the one for a reader.
struct Storage {
  std::string kind = "other";
  std::string name;
  std::string id;
  bool lasts() const { return kind == "global" || kind == "static" || kind == "member"; }
};

struct Fact {
  std::string kind;
  Place place;
  std::string function_id;  ///< empty outside of functions
  Json detail = Json::object();
  /// Where what the fact is about is kept, the first place and those it is copied to.
  std::vector<Storage> kept;
  /// Names in the call graph of functions that the fact hands out (a handler, a notification).
  std::string target;
};

/// An edge of the call graph.
struct Edge {
  std::string from;
  std::string to;
  auto operator<=>(const Edge&) const = default;
};

/// From where functions are entered: `phase` is one of the words of facts.md.
struct PhaseRoot {
  std::string phase;
  std::string node;
};

struct VariableAccess {
  std::string variable;
  std::string function_id;
  Place place;
  bool writes = false;
};

struct GlobalVariable {
  std::string id;
  std::string name;
  Place place;
  bool is_constant = false;
  bool is_static = false;
};

// ---- The way of buffers through a module ----
//
// A value is described by where it comes from (a parameter, a lasting variable or member, the result of a call: the
// root) and by what happened on the way. What the root itself is becomes known when the units are joined.

enum class Form {
  same,    ///< the root's own pointer, or one into what it points to
  loaded,  ///< read from what the root points to
  copied   ///< points to a copy of what the root points to
};

struct Tag {
  std::string root;
  Form form = Form::same;
  std::string via;     ///< loaded: the member it was read from
  bool inner = false;  ///< points to a member of what the root points to; used within a function only
  auto operator<=>(const Tag&) const = default;
};

/// A call that was given a tagged value and whose outcome decides whether a statement is reached. Whether the callee
/// validates anything becomes known when the units are joined.
struct Guard {
  std::string callee;
  std::string name;
  unsigned argument = 0;
  Tag tag;
  bool when_nonzero = false;  ///< the statement is reached only if the call returned other than zero; else only if zero
  Place place;
  std::string text;
};

/// Memory touched through a tagged pointer.
struct BufferAccess {
  Tag tag;
  Place place;
  std::string expression;
  bool writes = false;
  std::string passed_to;  ///< the function (by id) that the pointer is handed to, for accesses of this kind
  unsigned passed_argument = 0;
  std::vector<unsigned> guards;  ///< of FunctionSummary::guards
};

/// A pointer read out of memory that a tagged pointer leads to.
struct PointerLoad {
  Tag tag;  ///< of what it was read from
  Place place;
  std::string expression;
  std::string via;
};

struct Flow {
  Tag from;
  std::string to;  ///< a root
  Place place;
  bool is_address = false;  ///< by the type of where it is stored, not only by its width
  std::vector<unsigned> guards;
};

/// A statement that ends a function with a value.
struct Outcome {
  enum class Value { zero, nonzero, call, unknown };
  Value value = Value::unknown;
  bool negated = false;         ///< call: the opposite of what the callee returned
  std::vector<unsigned> calls;  ///< call: entries of FunctionSummary::guards that name callee, argument and tag
  std::vector<unsigned> guards;
};

/// A call that validates what it is given, whatever becomes of its answer.
struct BufferCheck {
  Place place;
  std::string name;
  std::vector<Tag> tags;
  Json call;
};

/// Where a function's definition stands, for a tool that changes it (Syntax::extent()).
struct DefinitionExtent {
  Json head;  ///< from the first word to the closing parenthesis
  Json name;
  Json parameters;  ///< from parenthesis to parenthesis
  Json body;
  Json declarations;  ///< of the same function elsewhere: `file`, `name`, `parameters`
  std::vector<std::string> unused_parameters;
};

struct FunctionSummary {
  std::string id;
  std::string name;
  Place place;
  bool is_static = false;
  std::vector<std::string> parameters;
  std::vector<Guard> guards;
  std::vector<BufferAccess> accesses;
  std::vector<PointerLoad> loads;
  std::vector<Flow> flows;
  std::vector<Outcome> outcomes;
  std::vector<BufferCheck> checks;
  DefinitionExtent definition;
  unsigned last_line = 0;
  bool flow_unknown = false;  ///< no control flow graph could be built
};

struct DirectCall {
  std::string callee;  ///< id
  std::string name;
  std::string caller;
  Place place;
  std::string declared_in;  ///< the file; empty for what isn't declared
};

struct Diagnostic {
  Place place;
  std::string message;
};

struct MissingInclude {
  Place place;
  std::string name;
  bool stood_in = false;  ///< a declaration of our own was used instead
};

struct AssumedName {
  Place place;
  std::string name;
  std::string as;  ///< "type", "constant" or "variable"
};

struct UnitSummary {
  std::string file;
  bool parsed = false;
  std::vector<Diagnostic> errors;                          ///< the first ones
  std::set<std::pair<std::string, unsigned>> error_lines;  ///< file and line of all of them
  std::vector<MissingInclude> missing_includes;
  std::vector<AssumedName> assumed_names;
  std::vector<Fact> facts;
  std::vector<FunctionSummary> functions;
  std::vector<GlobalVariable> variables;
  std::vector<VariableAccess> variable_accesses;
  std::vector<DirectCall> calls;
  std::set<Edge> edges;
  std::vector<PhaseRoot> roots;
};

}  // namespace redoubt::tool::port
