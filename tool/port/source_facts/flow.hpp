// SPDX-License-Identifier: BSD-2-Clause-Patent
// The way of pointers through one function, in four steps: which values carry which tags, the graph of the function's
// control flow, which calls decide whether a statement is reached, and the report of all that.
#pragma once

#include <clang/Analysis/CFG.h>
#include <llvm/ADT/DenseMap.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tool/port/source_facts/expressions.hpp"
#include "tool/port/source_facts/statements.hpp"
#include "tool/port/source_facts/syntax.hpp"

namespace redoubt::tool::port {

using Tags = std::set<Tag>;

/// The tags without the distinction that only matters within a function.
Tags whole(const Tags& tags);

std::string parameter_root(const std::string& function, unsigned index);

/// What a function hands out through the pointer that is its argument.
std::string handed_out_root(const std::string& function, unsigned index);

/// What the two ways out of a condition say about the value that it tests.
struct Tested {
  enum class Is { unknown, zero, nonzero };
  const clang::Expr* value = nullptr;
  Is when_true = Is::nonzero;
  Is when_false = Is::zero;

  Tested opposite() const { return {value, when_false, when_true}; }
};

class FunctionFlow {
 public:
  FunctionFlow(const Syntax& syntax, const clang::FunctionDecl* function)
      : syntax_(syntax), function_(function), id_(syntax.id(function)) {}

  FunctionSummary summary();

 private:
  /// Behind the attributes that a calling convention is.
  static clang::FunctionTypeLoc type_of(const clang::FunctionDecl* function);
  void find_definition(DefinitionExtent& definition) const;
  /// Counts a step of the analysis. The largest function of edk2's MM modules takes under 100,000; a source made to
  /// take forever gets no further.
  bool is_exhausted() const { return ++steps_ > most_steps; }

  // ---- values ----

  /// The tags of a pointer, or of an integer that may be one.
  Tags value(const clang::Expr* expression) const;
  /// The name of a member of which nothing but the text is known.
  std::string unknown_member(const clang::Expr* expression) const;
  static Tags joined(Tags first, const Tags& second);
  Tags value_of_operation(const clang::BinaryOperator* operation) const;
  static bool was_pointer(const clang::Expr* expression);
  Tags value_of_call(const clang::CallExpr* call) const;
  static Tags copied(const Tags& tags);
  /// The tags of the place that an lvalue denotes, as a pointer to it would have them.
  Tags object(const clang::Expr* lvalue) const;
  /// The tags of what is read from an lvalue.
  Tags load(const clang::Expr* lvalue, clang::QualType type) const;
  std::string read_from(const clang::Expr* lvalue) const;
  void follow_values();
  static bool add(Tags& to, const Tags& tags);
  bool follow(const Assignment& assignment);
  bool follow(const clang::CallExpr* call);
  /// A copy straight into a pointer is how an unaligned one is read.
  static Tags loaded(const Tags& copied);
  /// What `pointer` points to now holds a copy.
  bool fill(const clang::Expr* pointer, const Tags& tags);

  // ---- control flow ----

  struct Position {
    const clang::CFGBlock* block = nullptr;
    std::size_t index = 0;
  };

  void build_graph();
  std::optional<Position> position(const clang::Stmt* statement) const;

  struct WayOut {
    const clang::CFGBlock* from;
    unsigned successor;
    auto operator<=>(const WayOut&) const = default;
  };

  /// The blocks that are reached from the entry if these ways aren't taken. What isn't is dominated by the ways: a
  /// dominator tree knows blocks, and a check is passed on an edge.
  std::vector<bool> reach_without(const std::set<WayOut>& closed) const;
  std::optional<bool> constant_is_zero(const clang::Expr* expression) const;
  Tested tested(const clang::Expr* condition) const;
  Tested compared(const clang::BinaryOperator* operation) const;
  bool is_one(const clang::Expr* expression) const;

  // ---- guards ----

  struct Definition {
    const clang::Expr* value;  ///< nothing for what a parameter has on entry
    Position position;
  };

  /// One call with one outcome, and the blocks that are reached only behind it.
  struct Decision {
    const clang::CallExpr* call;
    bool when_nonzero;
    std::set<WayOut> ways;
    std::vector<bool> behind;  ///< by block: reached only through `ways`
  };

  const clang::Expr* definition_of(const clang::Stmt* statement, const clang::VarDecl* variable) const;
  /// The values that a local variable may have at a place; nothing if one of them can't be said.
  std::optional<std::vector<Definition>> definitions_at(const clang::VarDecl* variable, Position at) const;
  void find_guards();
  /// A way on which a pointer is NULL leads it nowhere: that one isn't validated.
  void note_null(const clang::CFGBlock* block, const Tested& test);
  /// The ways that decide about `tag`, and those on which it is NULL.
  std::set<WayOut> closed_for(const Decision& decision, const Tag& tag) const;
  /// Whether a block is reached only through the decision, as far as `tag` is more than NULL there.
  bool is_behind(const Decision& decision, const Tag& tag, const clang::CFGBlock* block);
  /// Behind this way, `value` is zero or isn't: what does that say about calls?
  void note_way(const llvm::DenseSet<const clang::CallExpr*>& candidates, WayOut way, const clang::Expr* value,
                bool nonzero);
  Decision& decide(const clang::CallExpr* call, bool nonzero);

  struct TaggedArgument {
    unsigned index;
    Tags tags;
  };
  /// Only asked once all values are known.
  const std::vector<TaggedArgument>& tagged_arguments(const clang::CallExpr* call) const;
  unsigned guard(const clang::CallExpr* call, bool when_nonzero, unsigned argument, const Tag& tag);
  /// All calls that decide whether a block is reached.
  std::vector<unsigned> guards_at(const clang::CFGBlock* block);

  /// One value that a pointer may have at a place, and where the variable that holds it was given it.
  struct Origin {
    Tags tags;
    const clang::VarDecl* variable = nullptr;
    std::optional<Definition> definition;
  };

  /// The variable that a pointer is, or that it points behind.
  static const clang::VarDecl* base_variable(const clang::Expr* pointer);
  static bool is_move(const clang::Expr* definition);
  std::vector<Origin> origins(const clang::Expr* pointer, std::optional<Position> at) const;
  /// Whether every way on which a variable keeps a value until it is used leads through the decision.
  bool is_between(const std::set<WayOut>& closed, const Origin& origin, Position use) const;
  /// The calls that were given the value `tag` and decide whether it gets from its origin to its use.
  std::vector<unsigned> guards_between(const Origin& origin, const Tag& tag, Position use);

  /// The block of a statement that can be reached; nothing for dead code. Without a graph all code counts as reached
  /// and as unguarded.
  struct Reached {
    std::optional<Position> position;
  };
  std::optional<Reached> reached(const clang::Stmt* statement) const;

  // ---- what is reported ----

  void access(const clang::Expr* pointer, const clang::Stmt* at, const clang::Expr* shown, bool writes);
  /// One access for each value that the pointer may have there.
  void report_access(const clang::Expr* pointer, const clang::Stmt* at, const BufferAccess& description);
  static const clang::Expr* dereferenced(const clang::Expr* expression);
  void report_accesses();
  /// Whether an integer that is read is used as an address: cast to a pointer right there.
  bool is_made_pointer(const clang::ImplicitCastExpr* load) const;
  void flow(const std::vector<Origin>& origins, const std::string& to, const clang::Stmt* at,
            clang::SourceLocation location, bool is_address = false);
  void flow(const Tags& tags, const std::string& to, const clang::Stmt* at, clang::SourceLocation location);
  /// The value of an expression flows.
  void flow(const clang::Expr* source, const std::string& to, const clang::Stmt* at, clang::SourceLocation location,
            bool is_address = false);
  /// The root that a lasting place is, and what a parameter points to; "" for another lvalue.
  std::string root_of_place(const clang::Expr* lvalue) const;
  void report_flows();
  void report_call(const clang::CallExpr* call);
  /// What a pointer that lasts, a member, or a parameter leads to now holds a copy.
  void report_copy(const clang::CallExpr* call, const Tags& tags, const clang::Expr* destination);
  static const clang::VarDecl* called_variable(const clang::Expr* callee);
  void report_passed(const clang::CallExpr* call, const clang::Expr* argument, const std::string& target,
                     unsigned index);
  void report_handed_out(const clang::CallExpr* call, const clang::Expr* argument, const std::string& target,
                         unsigned index);
  void report_outcomes();
  Outcome outcome(const clang::Expr* result, const clang::CFGBlock* at, const clang::CFGBlock* defined_at);

  static constexpr std::size_t most_steps = 2'000'000;

  const Syntax& syntax_;
  const clang::FunctionDecl* function_;
  const std::string id_;
  mutable std::size_t steps_ = 0;
  Statements statements_;
  std::map<const clang::VarDecl*, Tags> values_;    ///< of pointers
  std::map<const clang::VarDecl*, Tags> contents_;  ///< of records and arrays, as a pointer to them would have them
  std::unique_ptr<clang::CFG> graph_;
  llvm::DenseMap<const clang::Stmt*, Position> positions_;
  std::vector<bool> reachable_;
  std::map<std::pair<const clang::CallExpr*, bool>, Decision> decisions_;
  std::map<Tag, std::set<WayOut>> null_ways_;
  std::map<std::pair<const Decision*, Tag>, std::vector<bool>> behind_or_null_;
  mutable std::map<const clang::CallExpr*, std::vector<TaggedArgument>> tagged_arguments_;
  std::map<std::tuple<const clang::CallExpr*, bool, unsigned, Tag>, std::size_t> guard_numbers_;
  FunctionSummary* summary_ = nullptr;
};

}  // namespace redoubt::tool::port
