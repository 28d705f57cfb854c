// SPDX-License-Identifier: BSD-2-Clause-Patent
// The graph of control flow, and what its conditions say about values.
#include <llvm/Support/CrashRecoveryContext.h>

#include "tool/port/source_facts/flow.hpp"

namespace redoubt::tool::port {

using clang::CallExpr;
using clang::CFGBlock;
using clang::Expr;
using clang::Stmt;
using clang::VarDecl;

void FunctionFlow::build_graph() {
  clang::CFG::BuildOptions options;
  options.setAllAlwaysAdd();
  // A feature switch that is off in this build may be on in the next.
  options.PruneTriviallyFalseEdges = false;
  llvm::CrashRecoveryContext recovery;
  const bool safe = recovery.RunSafely(
      [&] { graph_ = clang::CFG::buildCFG(function_, function_->getBody(), &syntax_.context(), options); });
  if (!safe || graph_ == nullptr) {
    return;
  }
  for (const CFGBlock* block : *graph_) {
    std::size_t index = 0;
    for (const clang::CFGElement& element : *block) {
      if (const auto statement = element.getAs<clang::CFGStmt>()) {
        positions_.try_emplace(statement->getStmt(), Position{block, index});
      }
      ++index;
    }
  }
  reachable_ = reach_without({});
}

std::optional<FunctionFlow::Position> FunctionFlow::position(const Stmt* statement) const {
  while (statement != nullptr) {
    const auto found = positions_.find(statement);
    if (found != positions_.end()) {
      return found->second;
    }
    const auto* expression = llvm::dyn_cast<Expr>(statement);
    const Stmt* inner = expression != nullptr ? expression->IgnoreParenImpCasts() : nullptr;
    if (inner == statement) {
      return std::nullopt;
    }
    statement = inner;
  }
  return std::nullopt;
}

std::vector<bool> FunctionFlow::reach_without(const std::set<WayOut>& closed) const {
  std::vector<bool> reached(graph_->getNumBlockIDs());
  std::vector<const CFGBlock*> open{&graph_->getEntry()};
  reached[graph_->getEntry().getBlockID()] = true;
  while (!open.empty() && !is_exhausted()) {
    const CFGBlock* block = open.back();
    open.pop_back();
    unsigned number = 0;
    for (const CFGBlock::AdjacentBlock& next : block->succs()) {
      const CFGBlock* successor =
          next.getReachableBlock() != nullptr ? next.getReachableBlock() : next.getPossiblyUnreachableBlock();
      if (successor != nullptr && !closed.contains({block, number}) && !reached[successor->getBlockID()]) {
        reached[successor->getBlockID()] = true;
        open.push_back(successor);
      }
      ++number;
    }
  }
  return reached;
}

std::optional<bool> FunctionFlow::constant_is_zero(const Expr* expression) const {
  if (expression->isValueDependent() || expression->isTypeDependent()) {
    return std::nullopt;
  }
  if (expression->isNullPointerConstant(syntax_.context(), Expr::NPC_ValueDependentIsNotNull) != Expr::NPCK_NotNull) {
    return true;
  }
  clang::Expr::EvalResult result;
  if (!expression->EvaluateAsInt(result, syntax_.context())) {
    return std::nullopt;
  }
  return result.Val.getInt().isZero();
}

Tested FunctionFlow::tested(const Expr* condition) const {
  const Expr* inner = bare(condition);
  if (const auto* operation = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
    if (operation->getOpcode() == clang::UO_LNot) {
      return tested(operation->getSubExpr()).opposite();
    }
  }
  if (const auto* call = llvm::dyn_cast<CallExpr>(inner); call != nullptr && call->getNumArgs() > 0) {
    if (called_name(call) == "__builtin_expect") {
      return tested(call->getArg(0));
    }
  }
  const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(inner);
  if (operation == nullptr) {
    return {inner};
  }
  if (operation->getOpcode() == clang::BO_Assign) {
    return tested(operation->getRHS());
  }
  return compared(operation);
}

Tested FunctionFlow::compared(const clang::BinaryOperator* operation) const {
  using Is = Tested::Is;
  const Expr* other = operation->getLHS();
  std::optional<bool> zero = constant_is_zero(operation->getRHS());
  bool swapped = false;
  if (!zero) {
    zero = constant_is_zero(operation->getLHS());
    other = operation->getRHS();
    swapped = true;
  }
  if (!zero) {
    return {operation};
  }
  switch (operation->getOpcode()) {
    case clang::BO_EQ:
      if (*zero) {
        return tested(other).opposite();
      }
      // Equal to TRUE is taken for true; any other value only says that it isn't zero.
      return is_one(swapped ? operation->getLHS() : operation->getRHS())
                 ? tested(other)
                 : Tested{bare(other), Is::nonzero, Is::unknown};
    case clang::BO_NE:
      if (*zero) {
        return tested(other);
      }
      return is_one(swapped ? operation->getLHS() : operation->getRHS())
                 ? tested(other).opposite()
                 : Tested{bare(other), Is::unknown, Is::nonzero};
    // EFI_ERROR(Status): ((INTN)(Status)) < 0. What isn't an error counts as success.
    case clang::BO_LT:
      if (*zero && !swapped) {
        return {bare(other), Is::nonzero, Is::zero};
      }
      break;
    case clang::BO_GE:
      if (*zero && !swapped) {
        return {bare(other), Is::zero, Is::nonzero};
      }
      break;
    default: break;
  }
  return {operation};
}

bool FunctionFlow::is_one(const Expr* expression) const {
  clang::Expr::EvalResult result;
  return !expression->isValueDependent() && expression->EvaluateAsInt(result, syntax_.context()) &&
         result.Val.getInt() == 1;
}

const Expr* FunctionFlow::definition_of(const Stmt* statement, const VarDecl* variable) const {
  if (const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(statement)) {
    if (operation->isAssignmentOp() && named_variable(operation->getLHS()) == variable) {
      return operation->getOpcode() == clang::BO_Assign ? operation->getRHS() : operation;
    }
  }
  if (const auto* declaration = llvm::dyn_cast<clang::DeclStmt>(statement)) {
    for (const clang::Decl* each : declaration->decls()) {
      if (each == variable) {
        return variable->getInit();
      }
    }
  }
  if (const auto* operation = llvm::dyn_cast<clang::UnaryOperator>(statement)) {
    if (operation->isIncrementDecrementOp() && named_variable(operation->getSubExpr()) == variable) {
      return operation;
    }
  }
  return nullptr;
}

std::optional<std::vector<FunctionFlow::Definition>> FunctionFlow::definitions_at(const VarDecl* variable,
                                                                                  Position at) const {
  if (!is_local(variable) || statements_.address_taken.contains(variable)) {
    return std::nullopt;
  }
  std::vector<Definition> found;
  std::vector<Position> open{at};
  std::vector<bool> seen(graph_->getNumBlockIDs());
  while (!open.empty()) {
    if (is_exhausted()) {
      return std::nullopt;
    }
    const Position from = open.back();
    open.pop_back();
    bool defined = false;
    for (std::size_t index = from.index; index-- > 0 && !defined;) {
      const auto statement = (*from.block)[index].getAs<clang::CFGStmt>();
      const Expr* defining = statement ? definition_of(statement->getStmt(), variable) : nullptr;
      if (defining != nullptr) {
        found.push_back({defining, {from.block, index}});
        defined = true;
      }
    }
    if (defined) {
      continue;
    }
    if (from.block == &graph_->getEntry()) {
      if (llvm::isa<clang::ParmVarDecl>(variable)) {
        found.push_back({nullptr, {from.block, 0}});
      }
      continue;  // uninitialised: not a value that a correct program uses
    }
    for (const CFGBlock::AdjacentBlock& next : from.block->preds()) {
      const CFGBlock* previous =
          next.getReachableBlock() != nullptr ? next.getReachableBlock() : next.getPossiblyUnreachableBlock();
      if (previous != nullptr && !seen[previous->getBlockID()]) {
        seen[previous->getBlockID()] = true;
        open.push_back({previous, previous->size()});
      }
    }
  }
  return found;
}

bool FunctionFlow::is_between(const std::set<WayOut>& closed, const Origin& origin, Position use) const {
  std::vector<Position> open{{origin.definition->position.block, origin.definition->position.index + 1}};
  if (origin.definition->value == nullptr) {
    open[0].index = 0;
  }
  std::vector<bool> seen(graph_->getNumBlockIDs());
  while (!open.empty()) {
    if (is_exhausted()) {
      return false;
    }
    const Position from = open.back();
    open.pop_back();
    bool redefined = false;
    for (std::size_t index = from.index; index < from.block->size() && !redefined; ++index) {
      if (from.block == use.block && index == use.index) {
        return false;
      }
      const auto statement = (*from.block)[index].getAs<clang::CFGStmt>();
      redefined = statement && definition_of(statement->getStmt(), origin.variable) != nullptr;
    }
    if (redefined) {
      continue;
    }
    unsigned number = 0;
    for (const CFGBlock::AdjacentBlock& next : from.block->succs()) {
      const CFGBlock* successor =
          next.getReachableBlock() != nullptr ? next.getReachableBlock() : next.getPossiblyUnreachableBlock();
      if (successor != nullptr && !closed.contains({from.block, number}) && !seen[successor->getBlockID()]) {
        seen[successor->getBlockID()] = true;
        open.push_back({successor, 0});
      }
      ++number;
    }
  }
  return true;
}

std::optional<FunctionFlow::Reached> FunctionFlow::reached(const Stmt* statement) const {
  const auto at = graph_ != nullptr ? position(statement) : std::nullopt;
  if (at && !reachable_[at->block->getBlockID()]) {
    return std::nullopt;
  }
  return Reached{at};
}

}  // namespace redoubt::tool::port
