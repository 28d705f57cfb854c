// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which calls decide whether a statement is reached.

#include <algorithm>

#include "tool/port/source_facts/flow.hpp"

namespace redoubt::tool::port {

using clang::CallExpr;
using clang::CFGBlock;
using clang::Expr;
using clang::FunctionDecl;
using clang::VarDecl;

void FunctionFlow::find_guards() {
  if (graph_ == nullptr) {
    return;
  }
  llvm::DenseSet<const CallExpr*> candidates;
  for (const CallExpr* call : statements_.calls) {
    const FunctionDecl* function = Syntax::named_function(call->getCallee());
    if (function != nullptr && function->getReturnType()->isIntegerType() && !tagged_arguments(call).empty()) {
      candidates.insert(call);
    }
  }
  if (candidates.empty()) {
    return;
  }
  // The second round sees variables whose value was decided by the first: if (!Valid (p)) Status = EFI_...;
  for (int round = 0; round < 2; ++round) {
    for (const CFGBlock* block : *graph_) {
      const Expr* condition = block->succ_size() == 2 ? block->getLastCondition() : nullptr;
      if (condition == nullptr || llvm::isa_and_nonnull<clang::SwitchStmt>(block->getTerminatorStmt())) {
        continue;
      }
      const Tested test = tested(condition);
      note_null(block, test);
      for (const auto& [successor, outcome] : {std::pair(0U, test.when_true), std::pair(1U, test.when_false)}) {
        if (outcome != Tested::Is::unknown) {
          note_way(candidates, {block, successor}, test.value, outcome == Tested::Is::nonzero);
        }
      }
    }
    for (auto& [key, decision] : decisions_) {
      decision.behind = reach_without(decision.ways);
      decision.behind.flip();
    }
  }
}

void FunctionFlow::note_null(const CFGBlock* block, const Tested& test) {
  if (test.value == nullptr || !syntax_.holds_address(test.value->getType())) {
    return;
  }
  for (const auto& [successor, outcome] : {std::pair(0U, test.when_true), std::pair(1U, test.when_false)}) {
    if (outcome == Tested::Is::zero) {
      for (const Tag& tag : whole(value(test.value))) {
        null_ways_[tag].insert({block, successor});
      }
    }
  }
}

std::set<FunctionFlow::WayOut> FunctionFlow::closed_for(const Decision& decision, const Tag& tag) const {
  std::set<WayOut> closed = decision.ways;
  if (const auto null = null_ways_.find(tag); null != null_ways_.end()) {
    closed.insert(null->second.begin(), null->second.end());
  }
  return closed;
}

bool FunctionFlow::is_behind(const Decision& decision, const Tag& tag, const CFGBlock* block) {
  if (decision.behind[block->getBlockID()]) {
    return true;
  }
  if (!null_ways_.contains(tag)) {
    return false;
  }
  const auto [entry, is_new] = behind_or_null_.try_emplace({&decision, tag});
  if (is_new) {
    entry->second = reach_without(closed_for(decision, tag));
  }
  return !entry->second[block->getBlockID()];
}

void FunctionFlow::note_way(const llvm::DenseSet<const CallExpr*>& candidates, WayOut way, const Expr* value,
                            bool nonzero) {
  if (const auto* call = llvm::dyn_cast<CallExpr>(value)) {
    if (candidates.contains(call)) {
      decide(call, nonzero).ways.insert(way);
    }
    return;
  }
  const VarDecl* variable = named_variable(value);
  if (variable == nullptr) {
    return;
  }
  const auto definitions = definitions_at(variable, {way.from, way.from->size()});
  if (!definitions) {
    return;
  }
  std::vector<Definition> possible;
  for (const Definition& definition : *definitions) {
    const std::optional<bool> zero = definition.value != nullptr ? constant_is_zero(definition.value) : std::nullopt;
    if (!zero || *zero != nonzero) {
      possible.push_back(definition);
    }
  }
  if (possible.size() == 1 && possible[0].value != nullptr) {
    const Tested inner = tested(possible[0].value);
    const auto* call = llvm::dyn_cast<CallExpr>(inner.value);
    const Tested::Is outcome = nonzero ? inner.when_true : inner.when_false;
    if (call != nullptr && candidates.contains(call) && outcome != Tested::Is::unknown) {
      decide(call, outcome == Tested::Is::nonzero).ways.insert(way);
    }
  }
  // Whatever decided on all that remain has decided on this way.
  for (auto& [key, decision] : decisions_) {
    const bool all = !possible.empty() && !decision.behind.empty() &&
                     std::ranges::all_of(possible, [&](const Definition& definition) {
                       return decision.behind[definition.position.block->getBlockID()];
                     });
    if (all) {
      decision.ways.insert(way);
    }
  }
}

FunctionFlow::Decision& FunctionFlow::decide(const CallExpr* call, bool nonzero) {
  auto [entry, is_new] = decisions_.try_emplace({call, nonzero});
  if (is_new) {
    entry->second.call = call;
    entry->second.when_nonzero = nonzero;
  }
  return entry->second;
}

const std::vector<FunctionFlow::TaggedArgument>& FunctionFlow::tagged_arguments(const CallExpr* call) const {
  const auto [entry, is_new] = tagged_arguments_.try_emplace(call);
  std::vector<TaggedArgument>& arguments = entry->second;
  if (!is_new) {
    return arguments;
  }
  for (unsigned index = 0; index < call->getNumArgs(); ++index) {
    Tags tags;
    for (const Origin& origin : origins(call->getArg(index), position(call))) {
      tags.merge(whole(origin.tags));
    }
    std::erase_if(tags, [](const Tag& tag) { return tag.form == Form::copied; });
    if (!tags.empty()) {
      arguments.push_back({index, std::move(tags)});
    }
  }
  return arguments;
}

unsigned FunctionFlow::guard(const CallExpr* call, bool when_nonzero, unsigned argument, const Tag& tag) {
  const auto key = std::tuple(call, when_nonzero, argument, tag);
  const auto [entry, is_new] = guard_numbers_.try_emplace(key, summary_->guards.size());
  if (is_new) {
    const FunctionDecl* function = Syntax::named_function(call->getCallee());
    summary_->guards.push_back({syntax_.id(function), function->getNameAsString(), argument, tag, when_nonzero,
                                syntax_.place(call->getBeginLoc()), syntax_.text(call)});
  }
  return static_cast<unsigned>(entry->second);
}

std::vector<unsigned> FunctionFlow::guards_at(const CFGBlock* block) {
  std::vector<unsigned> guards;
  for (const auto& [key, decision] : decisions_) {
    if (decision.behind[block->getBlockID()]) {
      for (const TaggedArgument& argument : tagged_arguments(decision.call)) {
        for (const Tag& each : argument.tags) {
          guards.push_back(guard(decision.call, decision.when_nonzero, argument.index, each));
        }
      }
    }
  }
  return guards;
}

const VarDecl* FunctionFlow::base_variable(const Expr* pointer) {
  const Expr* inner = bare(pointer);
  const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(inner);
  if (operation != nullptr && operation->isAdditiveOp()) {
    for (const Expr* side : {operation->getLHS(), operation->getRHS()}) {
      if (side->getType()->isPointerType()) {
        return base_variable(side);
      }
    }
  }
  return named_variable(inner);
}

bool FunctionFlow::is_move(const Expr* definition) {
  const auto* sum = llvm::dyn_cast<clang::BinaryOperator>(definition);
  const auto* step = llvm::dyn_cast<clang::UnaryOperator>(definition);
  return (sum != nullptr && sum->isCompoundAssignmentOp()) || (step != nullptr && step->isIncrementDecrementOp());
}

std::vector<FunctionFlow::Origin> FunctionFlow::origins(const Expr* pointer, std::optional<Position> at) const {
  const VarDecl* variable = base_variable(pointer);
  const bool is_scalar = variable != nullptr && syntax_.holds_address(variable->getType());
  const auto definitions = is_scalar && at && graph_ != nullptr ? definitions_at(variable, *at) : std::nullopt;
  if (!definitions) {
    return {{value(pointer), nullptr, std::nullopt}};
  }
  std::vector<Origin> all;
  for (const Definition& definition : *definitions) {
    Tags tags;
    if (definition.value == nullptr) {
      const auto* parameter = llvm::cast<clang::ParmVarDecl>(variable);
      tags.insert({parameter_root(id_, parameter->getFunctionScopeIndex()), Form::same, {}});
    } else {
      // Moved, as by ++: any of the values that it had before.
      tags = value(is_move(definition.value) ? pointer : definition.value);
    }
    // What a copy was put into is a copy, wherever the memory came from.
    for (const Tag& tag : value(pointer)) {
      if (tag.form == Form::copied) {
        tags.insert(tag);
      }
    }
    all.push_back({std::move(tags), variable, definition});
  }
  return all;
}

std::vector<unsigned> FunctionFlow::guards_between(const Origin& origin, const Tag& tag, Position use) {
  std::vector<unsigned> guards;
  for (const auto& [key, decision] : decisions_) {
    if (is_exhausted()) {
      return {};
    }
    for (const TaggedArgument& argument : tagged_arguments(decision.call)) {
      if (!argument.tags.contains(tag)) {
        continue;
      }
      const bool decides = origin.definition ? is_behind(decision, tag, origin.definition->position.block) ||
                                                   is_between(closed_for(decision, tag), origin, use)
                                             : is_behind(decision, tag, use.block);
      if (decides) {
        guards.push_back(guard(decision.call, decision.when_nonzero, argument.index, tag));
      }
    }
  }
  return guards;
}

}  // namespace redoubt::tool::port
