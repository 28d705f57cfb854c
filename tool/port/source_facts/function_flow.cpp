// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/function_flow.hpp"

#include <clang/AST/ParentMapContext.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Analysis/CFG.h>
#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/DenseSet.h>
#include <llvm/Support/CrashRecoveryContext.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "tool/port/source_facts/kinds.hpp"
#include "tool/port/source_facts/known_functions.hpp"

namespace redoubt::tool::port {
namespace {

using clang::CallExpr;
using clang::CFGBlock;
using clang::DeclRefExpr;
using clang::Expr;
using clang::FunctionDecl;
using clang::MemberExpr;
using clang::Stmt;
using clang::VarDecl;

using Tags = std::set<Tag>;

/// The tags without the distinction that only matters within a function.
Tags whole(const Tags& tags) {
  Tags result;
  for (Tag tag : tags) {
    tag.inner = false;
    result.insert(std::move(tag));
  }
  return result;
}

std::string parameter_root(const std::string& function, unsigned index) {
  return "p:" + function + ":" + std::to_string(index);
}

/// What a function hands out through the pointer that is its argument.
std::string handed_out_root(const std::string& function, unsigned index) {
  return "o:" + function + ":" + std::to_string(index);
}

const Expr* bare(const Expr* expression) { return expression->IgnoreParenCasts(); }

const VarDecl* named_variable(const Expr* expression) {
  const auto* reference = llvm::dyn_cast<DeclRefExpr>(bare(expression));
  return reference != nullptr ? llvm::dyn_cast<VarDecl>(reference->getDecl()) : nullptr;
}

bool is_local(const VarDecl* variable) { return variable->isLocalVarDeclOrParm() && !variable->isStaticLocal(); }

/// The pointer p in p->member for a member that isn't known. Such an expression has nothing but its parts.
const Expr* unknown_member_base(const Expr* expression) {
  const auto* recovery = llvm::dyn_cast<clang::RecoveryExpr>(expression);
  if (recovery == nullptr || recovery->subExpressions().size() != 1) {
    return nullptr;
  }
  const Expr* base = recovery->subExpressions()[0];
  return !base->getType().isNull() && base->getType()->isPointerType() ? base : nullptr;
}

/// The operand of a unary & in front of an expression.
const Expr* address_operand(const Expr* expression) {
  const auto* address = llvm::dyn_cast<clang::UnaryOperator>(bare(expression));
  return address != nullptr && address->getOpcode() == clang::UO_AddrOf ? address->getSubExpr()->IgnoreParens()
                                                                        : nullptr;
}

/// The name of the function or of the service that is called.
std::string called_name(const CallExpr* call) {
  if (const FunctionDecl* function = Syntax::named_function(call->getCallee())) {
    return function->getNameAsString();
  }
  if (const auto* member = llvm::dyn_cast<MemberExpr>(bare(call->getCallee()))) {
    return member->getMemberDecl()->getNameAsString();
  }
  return {};
}

/// What the two ways out of a condition say about the value that it tests.
struct Tested {
  enum class Is { unknown, zero, nonzero };
  const Expr* value = nullptr;
  Is when_true = Is::nonzero;
  Is when_false = Is::zero;

  Tested opposite() const { return {value, when_false, when_true}; }
};

/// Where values are given to variables, which is all that the flow of pointers is made of.
struct Assignment {
  const Expr* destination = nullptr;  ///< an lvalue, or nothing if `variable` is initialised
  const VarDecl* variable = nullptr;
  const Expr* value = nullptr;
};

// ---- What a function does with values ----

/// Collects, in one walk, the statements that the flow is computed from.
class Statements : public clang::RecursiveASTVisitor<Statements> {
 public:
  bool TraverseUnaryExprOrTypeTraitExpr(clang::UnaryExprOrTypeTraitExpr*) { return true; }

  bool VisitVarDecl(VarDecl* variable) {
    if (variable->getInit() != nullptr && is_local(variable)) {
      assignments.push_back({nullptr, variable, variable->getInit()});
    }
    return true;
  }
  bool VisitBinaryOperator(clang::BinaryOperator* operation) {
    if (operation->isAssignmentOp()) {
      // What is added to a pointer or an address moves it and doesn't make another one of it.
      if (operation->getOpcode() == clang::BO_Assign) {
        assignments.push_back({operation->getLHS(), nullptr, operation->getRHS()});
      }
      written.insert(operation->getLHS()->IgnoreParens());
    }
    return true;
  }
  bool VisitCallExpr(CallExpr* call) {
    calls.push_back(call);
    return true;
  }
  bool VisitReturnStmt(clang::ReturnStmt* statement) {
    returns.push_back(statement);
    return true;
  }
  bool VisitUnaryOperator(clang::UnaryOperator* operation) {
    if (operation->getOpcode() == clang::UO_AddrOf) {
      mark_address_only(operation->getSubExpr());
      if (const VarDecl* variable = named_variable(operation->getSubExpr())) {
        address_taken.insert(variable);
      }
    } else if (operation->getOpcode() == clang::UO_Deref) {
      dereferences.push_back(operation);
    } else if (operation->isIncrementDecrementOp()) {
      written.insert(operation->getSubExpr()->IgnoreParens());
    }
    return true;
  }
  bool VisitImplicitCastExpr(clang::ImplicitCastExpr* cast) {
    if (cast->getCastKind() == clang::CK_ArrayToPointerDecay) {
      mark_address_only(cast->getSubExpr());
    } else if (cast->getCastKind() == clang::CK_LValueToRValue) {
      loads.push_back(cast);
    }
    return true;
  }
  // p->member, where the record's members aren't known: a header is missing.
  bool VisitRecoveryExpr(clang::RecoveryExpr* expression) {
    if (unknown_member_base(expression) != nullptr) {
      dereferences.push_back(expression);
    }
    return true;
  }
  bool VisitMemberExpr(MemberExpr* member) {
    if (member->isArrow()) {
      dereferences.push_back(member);
    }
    return true;
  }
  bool VisitArraySubscriptExpr(clang::ArraySubscriptExpr* element) {
    dereferences.push_back(element);
    return true;
  }

  std::vector<Assignment> assignments;
  std::vector<const CallExpr*> calls;
  std::vector<const clang::ReturnStmt*> returns;
  std::vector<const Expr*> dereferences;
  std::vector<const clang::ImplicitCastExpr*> loads;
  llvm::DenseSet<const Expr*> written;
  llvm::DenseSet<const Expr*> address_only;
  llvm::DenseSet<const VarDecl*> address_taken;

 private:
  // &p->member, and an array as a pointer, compute an address and touch nothing.
  void mark_address_only(const Expr* lvalue) {
    const Expr* inner = lvalue->IgnoreParens();
    address_only.insert(inner);
    if (const auto* member = llvm::dyn_cast<MemberExpr>(inner); member != nullptr && !member->isArrow()) {
      mark_address_only(member->getBase());
    }
  }
};

class FunctionFlow {
 public:
  FunctionFlow(const Syntax& syntax, const FunctionDecl* function)
      : syntax_(syntax), function_(function), id_(syntax.id(function)) {}

  FunctionSummary summary() {
    FunctionSummary summary;
    summary.id = id_;
    summary.name = function_->getNameAsString();
    summary.place = syntax_.place(function_->getLocation());
    summary.last_line = syntax_.place(function_->getEndLoc()).line;
    summary.is_static = !function_->isExternallyVisible();
    for (const clang::ParmVarDecl* parameter : function_->parameters()) {
      summary.parameters.push_back(parameter->getNameAsString());
      if (!parameter->isReferenced()) {
        summary.definition.unused_parameters.push_back(parameter->getNameAsString());
      }
    }
    find_definition(summary.definition);
    statements_.TraverseStmt(function_->getBody());
    follow_values();
    build_graph();
    summary.flow_unknown = graph_ == nullptr;
    find_guards();
    summary_ = &summary;
    report_accesses();
    report_flows();
    report_outcomes();
    if (is_exhausted()) {
      // Half an answer could pass for a whole one: nothing of it counts as validated.
      summary.flow_unknown = true;
      for (BufferAccess& access : summary.accesses) {
        access.guards.clear();
      }
      for (Flow& flow : summary.flows) {
        flow.guards.clear();
      }
      summary.outcomes.clear();
    }
    return summary;
  }

 private:
  /// Behind the attributes that a calling convention is.
  static clang::FunctionTypeLoc type_of(const FunctionDecl* function) {
    const clang::TypeSourceInfo* type = function->getTypeSourceInfo();
    return type == nullptr ? clang::FunctionTypeLoc()
                           : type->getTypeLoc().IgnoreParens().getAsAdjusted<clang::FunctionTypeLoc>();
  }

  void find_definition(DefinitionExtent& definition) const {
    const clang::FunctionTypeLoc type = type_of(function_);
    if (type.isNull()) {
      return;
    }
    definition.head = syntax_.extent({function_->getBeginLoc(), type.getRParenLoc()});
    definition.name = syntax_.extent({function_->getLocation(), function_->getLocation()});
    definition.parameters = syntax_.extent({type.getLParenLoc(), type.getRParenLoc()});
    definition.body = syntax_.extent(function_->getBody()->getSourceRange());
    definition.declarations = Json::array();
    for (const FunctionDecl* other : function_->redecls()) {
      const clang::FunctionTypeLoc declared = type_of(other);
      if (other != function_ && !declared.isNull()) {
        Json entry;
        entry["file"] = syntax_.place(other->getLocation()).file;
        entry["name"] = syntax_.extent({other->getLocation(), other->getLocation()});
        entry["parameters"] = syntax_.extent({declared.getLParenLoc(), declared.getRParenLoc()});
        definition.declarations.push_back(std::move(entry));
      }
    }
  }

  /// Counts a step of the analysis. The largest function of edk2's MM modules takes under 100,000; a source made to
  /// take forever gets no further.
  bool is_exhausted() const { return ++steps_ > most_steps; }

  // ---- values ----

  /// The tags of a pointer, or of an integer that may be one.
  Tags value(const Expr* expression) const {
    if (is_exhausted()) {
      return {};
    }
    const Expr* inner = expression->IgnoreParens();
    if (const auto* cast = llvm::dyn_cast<clang::CastExpr>(inner)) {
      switch (cast->getCastKind()) {
        case clang::CK_LValueToRValue: return load(cast->getSubExpr(), cast->getType());
        case clang::CK_ArrayToPointerDecay: return object(cast->getSubExpr());
        default: return value(cast->getSubExpr());
      }
    }
    if (const auto* operation = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
      if (operation->getOpcode() == clang::UO_AddrOf) {
        return object(operation->getSubExpr());
      }
      if (operation->isIncrementDecrementOp()) {
        return load(operation->getSubExpr(), operation->getType());
      }
      return operation->getOpcode() == clang::UO_Extension ? value(operation->getSubExpr()) : Tags();
    }
    if (const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(inner)) {
      return value_of_operation(operation);
    }
    if (const auto* choice = llvm::dyn_cast<clang::AbstractConditionalOperator>(inner)) {
      return joined(value(choice->getTrueExpr()), value(choice->getFalseExpr()));
    }
    if (const auto* call = llvm::dyn_cast<CallExpr>(inner)) {
      return value_of_call(call);
    }
    if (const Expr* base = unknown_member_base(inner)) {
      Tags tags;
      for (const Tag& tag : value(base)) {
        tags.insert({tag.root, Form::loaded, unknown_member(inner)});
      }
      return tags;
    }
    if (inner->isLValue()) {
      return load(inner, inner->getType());
    }
    return {};
  }

  /// The name of a member of which nothing but the text is known.
  std::string unknown_member(const Expr* expression) const {
    const std::string text = syntax_.text(expression);
    const std::size_t arrow = text.rfind("->");
    return arrow == std::string::npos ? "*" : "?." + text.substr(arrow + 2);
  }

  static Tags joined(Tags first, const Tags& second) {
    first.insert(second.begin(), second.end());
    return first;
  }

  Tags value_of_operation(const clang::BinaryOperator* operation) const {
    switch (operation->getOpcode()) {
      case clang::BO_Comma: return value(operation->getRHS());
      case clang::BO_Assign: return value(operation->getRHS());
      case clang::BO_AddAssign:
      case clang::BO_SubAssign: return load(operation->getLHS(), operation->getType());
      case clang::BO_And:
      case clang::BO_Or: return joined(value(operation->getLHS()), value(operation->getRHS()));
      case clang::BO_Sub: return operation->getRHS()->getType()->isPointerType() ? Tags() : value(operation->getLHS());
      case clang::BO_Add: {
        const Expr* left = operation->getLHS();
        const Expr* right = operation->getRHS();
        if (left->getType()->isPointerType() || right->getType()->isPointerType()) {
          return value(left->getType()->isPointerType() ? left : right);
        }
        // One of two integers is the address, the other the offset: the one that was a pointer, if there is one.
        if (was_pointer(left) != was_pointer(right)) {
          return value(was_pointer(left) ? left : right);
        }
        return joined(value(left), value(right));
      }
      default: return {};
    }
  }

  static bool was_pointer(const Expr* expression) {
    const Expr* inner = expression->IgnoreParenImpCasts();
    while (const auto* cast = llvm::dyn_cast<clang::CastExpr>(inner)) {
      if (cast->getCastKind() == clang::CK_PointerToIntegral) {
        return true;
      }
      inner = cast->getSubExpr()->IgnoreParens();
    }
    const auto* sum = llvm::dyn_cast<clang::BinaryOperator>(inner);
    return sum != nullptr && sum->isAdditiveOp() && (was_pointer(sum->getLHS()) || was_pointer(sum->getRHS()));
  }

  Tags value_of_call(const CallExpr* call) const {
    const std::string name = called_name(call);
    if (const auto use = memory_use(name); use && use->copied_from >= 0 && call->getNumArgs() > 0) {
      return value(call->getArg(0));  // CopyMem returns its destination
    }
    if (memory_call(name)) {
      const bool copies = name.find("CopyPool") != std::string::npos && call->getNumArgs() == 2;
      return copies ? copied(value(call->getArg(1))) : Tags();
    }
    const FunctionDecl* function = Syntax::named_function(call->getCallee());
    if (function != nullptr && syntax_.holds_address(call->getType())) {
      return {{"r:" + syntax_.id(function), Form::same, {}}};
    }
    return {};
  }

  static Tags copied(const Tags& tags) {
    Tags result;
    for (const Tag& tag : tags) {
      result.insert({tag.root, Form::copied, {}});
    }
    return result;
  }

  /// The tags of the place that an lvalue denotes, as a pointer to it would have them.
  Tags object(const Expr* lvalue) const {
    const Expr* inner = lvalue->IgnoreParens();
    if (const Expr* base = unknown_member_base(inner)) {
      return value(base);
    }
    if (const auto* cast = llvm::dyn_cast<clang::CastExpr>(inner)) {
      return cast->getCastKind() == clang::CK_LValueToRValue ? value(cast) : object(cast->getSubExpr());
    }
    if (const auto* member = llvm::dyn_cast<MemberExpr>(inner)) {
      Tags tags = member->isArrow() ? value(member->getBase()) : object(member->getBase());
      const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
      // What is copied into a member that is an array or a record isn't in the members beside it.
      if (field == nullptr || !(field->getType()->isArrayType() || field->getType()->isRecordType())) {
        return tags;
      }
      Tags members;
      for (Tag tag : tags) {
        tag.inner = true;
        members.insert(std::move(tag));
      }
      members.insert({"m:" + syntax_.id(field), Form::same, {}});
      return members;
    }
    if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(inner)) {
      return value(element->getBase());
    }
    if (const auto* operation = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
      return operation->getOpcode() == clang::UO_Deref ? value(operation->getSubExpr()) : Tags();
    }
    if (const VarDecl* variable = named_variable(inner)) {
      const auto known = contents_.find(variable);
      Tags tags = known != contents_.end() ? known->second : Tags();
      if (!is_local(variable)) {
        tags.insert({"v:" + syntax_.id(variable), Form::same, {}});
      }
      return tags;
    }
    return {};
  }

  /// The tags of what is read from an lvalue.
  Tags load(const Expr* lvalue, clang::QualType type) const {
    const Expr* inner = lvalue->IgnoreParens();
    if (const VarDecl* variable = named_variable(inner)) {
      const auto known = values_.find(variable);
      Tags tags = known != values_.end() ? known->second : Tags();
      if (!is_local(variable) && syntax_.holds_address(variable->getType())) {
        tags.insert({"v:" + syntax_.id(variable), Form::same, {}});
      }
      return tags;
    }
    if (!syntax_.holds_address(type)) {
      return {};
    }
    Tags tags;
    const std::string via = read_from(inner);
    for (const Tag& tag : object(inner)) {
      tags.insert({tag.root, Form::loaded, via});
    }
    if (const auto* member = llvm::dyn_cast<MemberExpr>(inner)) {
      if (const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl())) {
        tags.insert({"m:" + syntax_.id(field), Form::same, {}});
      }
    }
    return tags;
  }

  std::string read_from(const Expr* lvalue) const {
    if (const auto* member = llvm::dyn_cast<MemberExpr>(lvalue)) {
      if (const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl())) {
        return syntax_.id(field);
      }
    }
    if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(lvalue)) {
      return read_from(element->getBase()->IgnoreParenCasts()) + "[]";
    }
    return "*";
  }

  void follow_values() {
    for (const clang::ParmVarDecl* parameter : function_->parameters()) {
      if (syntax_.holds_address(parameter->getType())) {
        values_[parameter].insert({parameter_root(id_, parameter->getFunctionScopeIndex()), Form::same, {}});
      }
    }
    // Each round carries tags over one more assignment; chains longer than this don't occur.
    constexpr int most_rounds = 12;
    bool changed = true;
    for (int round = 0; changed && round < most_rounds; ++round) {
      changed = false;
      for (const Assignment& assignment : statements_.assignments) {
        changed |= follow(assignment);
      }
      for (const CallExpr* call : statements_.calls) {
        changed |= follow(call);
      }
    }
  }

  static bool add(Tags& to, const Tags& tags) {
    const std::size_t before = to.size();
    to.insert(tags.begin(), tags.end());
    return to.size() != before;
  }

  bool follow(const Assignment& assignment) {
    const VarDecl* variable = assignment.variable;
    if (variable == nullptr) {
      variable = named_variable(assignment.destination);
      // A member of a local record keeps what is stored there, for the record as a whole.
      if (variable == nullptr) {
        return false;
      }
    }
    if (!is_local(variable)) {
      return false;
    }
    if (variable->getType()->isRecordType()) {
      const Expr* source = assignment.value->IgnoreParenImpCasts();
      return source->isLValue() && add(contents_[variable], copied(object(source)));
    }
    return syntax_.holds_address(variable->getType()) && add(values_[variable], value(assignment.value));
  }

  bool follow(const CallExpr* call) {
    bool changed = false;
    const std::string name = called_name(call);
    if (const auto use = memory_use(name);
        use && use->copied_from >= 0 && static_cast<unsigned>(use->copied_from) < call->getNumArgs()) {
      const Tags tags = copied(value(call->getArg(static_cast<unsigned>(use->copied_from))));
      const Expr* destination = call->getArg(static_cast<unsigned>(use->written));
      changed |= fill(destination, tags);
    }
    const FunctionDecl* function = Syntax::named_function(call->getCallee());
    for (unsigned index = 0; function != nullptr && index < call->getNumArgs(); ++index) {
      const Expr* operand = address_operand(call->getArg(index));
      const VarDecl* variable = operand != nullptr ? named_variable(operand) : nullptr;
      if (variable != nullptr && is_local(variable) && syntax_.holds_address(variable->getType())) {
        changed |= add(values_[variable], {{handed_out_root(syntax_.id(function), index), Form::same, {}}});
      }
    }
    return changed;
  }

  /// A copy straight into a pointer is how an unaligned one is read.
  static Tags loaded(const Tags& copied) {
    Tags result;
    for (const Tag& tag : copied) {
      result.insert({tag.root, Form::loaded, "*"});
    }
    return result;
  }

  /// What `pointer` points to now holds a copy.
  bool fill(const Expr* pointer, const Tags& tags) {
    const Expr* inner = bare(pointer);
    if (const Expr* operand = address_operand(inner)) {
      while (const auto* member = llvm::dyn_cast<MemberExpr>(operand)) {
        if (member->isArrow()) {
          return false;
        }
        operand = member->getBase()->IgnoreParens();
      }
      const VarDecl* variable = named_variable(operand);
      if (variable == nullptr || !is_local(variable)) {
        return false;
      }
      if (syntax_.holds_address(variable->getType())) {
        return add(values_[variable], loaded(tags));
      }
      return add(contents_[variable], tags);
    }
    const VarDecl* variable = named_variable(inner);
    if (variable == nullptr || !is_local(variable)) {
      return false;
    }
    return add(variable->getType()->isArrayType() ? contents_[variable] : values_[variable], tags);
  }

  // ---- control flow ----

  struct Position {
    const CFGBlock* block = nullptr;
    std::size_t index = 0;
  };

  void build_graph() {
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

  std::optional<Position> position(const Stmt* statement) const {
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

  struct WayOut {
    const CFGBlock* from;
    unsigned successor;
    auto operator<=>(const WayOut&) const = default;
  };

  /// The blocks that are reached from the entry if these ways aren't taken. What isn't is dominated by the ways: a
  /// dominator tree knows blocks, and a check is passed on an edge.
  std::vector<bool> reach_without(const std::set<WayOut>& closed) const {
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

  std::optional<bool> constant_is_zero(const Expr* expression) const {
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

  Tested tested(const Expr* condition) const {
    const Expr* inner = bare(condition);
    using Is = Tested::Is;
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
    const Expr* other = operation->getLHS();
    std::optional<bool> zero = constant_is_zero(operation->getRHS());
    bool swapped = false;
    if (!zero) {
      zero = constant_is_zero(operation->getLHS());
      other = operation->getRHS();
      swapped = true;
    }
    if (!zero) {
      return {inner};
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
    return {inner};
  }

  bool is_one(const Expr* expression) const {
    clang::Expr::EvalResult result;
    return !expression->isValueDependent() && expression->EvaluateAsInt(result, syntax_.context()) &&
           result.Val.getInt() == 1;
  }

  // ---- guards ----

  struct Definition {
    const Expr* value;  ///< nothing for what a parameter has on entry
    Position position;
  };

  /// One call with one outcome, and the blocks that are reached only behind it.
  struct Decision {
    const CallExpr* call;
    bool when_nonzero;
    std::set<WayOut> ways;
    std::vector<bool> behind;  ///< by block: reached only through `ways`
  };

  const Expr* definition_of(const Stmt* statement, const VarDecl* variable) const {
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

  /// The values that a local variable may have at a place; nothing if one of them can't be said.
  std::optional<std::vector<Definition>> definitions_at(const VarDecl* variable, Position at) const {
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

  void find_guards() {
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

  /// A way on which a pointer is NULL leads it nowhere: that one isn't validated.
  void note_null(const CFGBlock* block, const Tested& test) {
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

  /// The ways that decide about `tag`, and those on which it is NULL.
  std::set<WayOut> closed_for(const Decision& decision, const Tag& tag) const {
    std::set<WayOut> closed = decision.ways;
    if (const auto null = null_ways_.find(tag); null != null_ways_.end()) {
      closed.insert(null->second.begin(), null->second.end());
    }
    return closed;
  }

  /// Whether a block is reached only through the decision, as far as `tag` is more than NULL there.
  bool is_behind(const Decision& decision, const Tag& tag, const CFGBlock* block) {
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

  /// Behind this way, `value` is zero or isn't: what does that say about calls?
  void note_way(const llvm::DenseSet<const CallExpr*>& candidates, WayOut way, const Expr* value, bool nonzero) {
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

  Decision& decide(const CallExpr* call, bool nonzero) {
    auto [entry, is_new] = decisions_.try_emplace({call, nonzero});
    if (is_new) {
      entry->second.call = call;
      entry->second.when_nonzero = nonzero;
    }
    return entry->second;
  }

  struct TaggedArgument {
    unsigned index;
    Tags tags;
  };
  /// Only asked once all values are known.
  const std::vector<TaggedArgument>& tagged_arguments(const CallExpr* call) const {
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

  unsigned guard(const CallExpr* call, bool when_nonzero, unsigned argument, const Tag& tag) {
    const auto key = std::tuple(call, when_nonzero, argument, tag);
    const auto [entry, is_new] = guard_numbers_.try_emplace(key, summary_->guards.size());
    if (is_new) {
      const FunctionDecl* function = Syntax::named_function(call->getCallee());
      summary_->guards.push_back({syntax_.id(function), function->getNameAsString(), argument, tag, when_nonzero,
                                  syntax_.place(call->getBeginLoc()), syntax_.text(call)});
    }
    return static_cast<unsigned>(entry->second);
  }

  /// All calls that decide whether a block is reached.
  std::vector<unsigned> guards_at(const CFGBlock* block) {
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

  /// One value that a pointer may have at a place, and where the variable that holds it was given it.
  struct Origin {
    Tags tags;
    const VarDecl* variable = nullptr;
    std::optional<Definition> definition;
  };

  /// The variable that a pointer is, or that it points behind.
  static const VarDecl* base_variable(const Expr* pointer) {
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

  static bool is_move(const Expr* definition) {
    const auto* sum = llvm::dyn_cast<clang::BinaryOperator>(definition);
    const auto* step = llvm::dyn_cast<clang::UnaryOperator>(definition);
    return (sum != nullptr && sum->isCompoundAssignmentOp()) || (step != nullptr && step->isIncrementDecrementOp());
  }

  std::vector<Origin> origins(const Expr* pointer, std::optional<Position> at) const {
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

  /// Whether every way on which a variable keeps a value until it is used leads through the decision.
  bool is_between(const std::set<WayOut>& closed, const Origin& origin, Position use) const {
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

  /// The calls that were given the value `tag` and decide whether it gets from its origin to its use.
  std::vector<unsigned> guards_between(const Origin& origin, const Tag& tag, Position use) {
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

  /// The block of a statement that can be reached; nothing for dead code. Without a graph all code counts as reached
  /// and as unguarded.
  struct Reached {
    std::optional<Position> position;
  };
  std::optional<Reached> reached(const Stmt* statement) const {
    const auto at = graph_ != nullptr ? position(statement) : std::nullopt;
    if (at && !reachable_[at->block->getBlockID()]) {
      return std::nullopt;
    }
    return Reached{at};
  }

  // ---- what is reported ----

  void access(const Expr* pointer, const Stmt* at, const Expr* shown, bool writes) {
    BufferAccess access;
    access.place = syntax_.place(shown->getExprLoc());
    access.expression = syntax_.text(shown);
    access.writes = writes;
    report_access(pointer, at, access);
  }

  /// One access for each value that the pointer may have there.
  void report_access(const Expr* pointer, const Stmt* at, const BufferAccess& description) {
    const auto where = reached(at);
    if (!where) {
      return;
    }
    for (const Origin& origin : origins(pointer, where->position)) {
      for (const Tag& tag : whole(origin.tags)) {
        if (tag.form == Form::copied) {
          continue;
        }
        BufferAccess access = description;
        access.tag = tag;
        if (where->position) {
          access.guards = guards_between(origin, tag, *where->position);
        }
        summary_->accesses.push_back(std::move(access));
      }
    }
  }

  static const Expr* dereferenced(const Expr* expression) {
    if (const Expr* base = unknown_member_base(expression)) {
      return base;
    }
    if (const auto* member = llvm::dyn_cast<MemberExpr>(expression)) {
      return member->getBase();
    }
    if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(expression)) {
      return element->getBase();
    }
    return llvm::cast<clang::UnaryOperator>(expression)->getSubExpr();
  }

  void report_accesses() {
    for (const Expr* expression : statements_.dereferences) {
      if (!statements_.address_only.contains(expression)) {
        access(dereferenced(expression), expression, expression, statements_.written.contains(expression));
      }
    }
    for (const CallExpr* call : statements_.calls) {
      const auto use = memory_use(called_name(call));
      if (!use) {
        continue;
      }
      for (const int index : {use->read, use->read_too, use->written}) {
        if (index >= 0 && static_cast<unsigned>(index) < call->getNumArgs()) {
          access(call->getArg(static_cast<unsigned>(index)), call, call, index == use->written);
        }
      }
    }
    for (const clang::ImplicitCastExpr* load : statements_.loads) {
      if (!load->getType()->isPointerType() && !is_made_pointer(load)) {
        continue;
      }
      const Expr* lvalue = load->getSubExpr()->IgnoreParens();
      if (named_variable(lvalue) != nullptr) {
        continue;
      }
      for (const Tag& tag : whole(object(lvalue))) {
        summary_->loads.push_back({tag, syntax_.place(lvalue->getExprLoc()), syntax_.text(lvalue), read_from(lvalue)});
      }
    }
  }

  /// Whether an integer that is read is used as an address: cast to a pointer right there.
  bool is_made_pointer(const clang::ImplicitCastExpr* load) const {
    if (!syntax_.holds_address(load->getType())) {
      return false;
    }
    const Stmt* child = load;
    for (int steps = 0; steps < 4; ++steps) {
      const auto parents = syntax_.context().getParents(*child);
      if (parents.empty()) {
        return false;
      }
      const auto* parent = parents[0].get<Expr>();
      if (parent == nullptr) {
        return false;
      }
      const auto* cast = llvm::dyn_cast<clang::CastExpr>(parent);
      if (cast != nullptr && cast->getCastKind() == clang::CK_IntegralToPointer) {
        return true;
      }
      if (cast == nullptr && !llvm::isa<clang::ParenExpr>(parent)) {
        return false;
      }
      child = parent;
    }
    return false;
  }

  void flow(const std::vector<Origin>& origins, const std::string& to, const Stmt* at, clang::SourceLocation location,
            bool is_address = false) {
    const auto where = reached(at);
    if (!where) {
      return;
    }
    for (const Origin& origin : origins) {
      for (const Tag& tag : whole(origin.tags)) {
        if (tag.root == to && tag.form == Form::same) {
          continue;
        }
        Flow flow{tag, to, syntax_.place(location), is_address, {}};
        if (where->position) {
          flow.guards = guards_between(origin, tag, *where->position);
        }
        summary_->flows.push_back(std::move(flow));
      }
    }
  }

  void flow(const Tags& tags, const std::string& to, const Stmt* at, clang::SourceLocation location) {
    if (!tags.empty()) {
      flow({Origin{tags, nullptr, std::nullopt}}, to, at, location);
    }
  }

  /// The value of an expression flows.
  void flow(const Expr* source, const std::string& to, const Stmt* at, clang::SourceLocation location,
            bool is_address = false) {
    flow(origins(source, graph_ != nullptr ? position(at) : std::nullopt), to, at, location, is_address);
  }

  /// The root that a lasting place is, and what a parameter points to; "" for another lvalue.
  std::string root_of_place(const Expr* lvalue) const {
    const Expr* inner = lvalue->IgnoreParenCasts();
    if (const VarDecl* variable = named_variable(inner)) {
      return is_local(variable) ? std::string() : "v:" + syntax_.id(variable);
    }
    if (const auto* member = llvm::dyn_cast<MemberExpr>(inner)) {
      const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
      return field != nullptr ? "m:" + syntax_.id(field) : std::string();
    }
    if (const auto* operation = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
      const VarDecl* variable =
          operation->getOpcode() == clang::UO_Deref ? named_variable(operation->getSubExpr()) : nullptr;
      if (const auto* parameter = llvm::dyn_cast_or_null<clang::ParmVarDecl>(variable)) {
        return handed_out_root(id_, parameter->getFunctionScopeIndex());
      }
    }
    return {};
  }

  void report_flows() {
    for (const Assignment& assignment : statements_.assignments) {
      if (assignment.destination == nullptr) {
        continue;
      }
      const std::string to = root_of_place(assignment.destination);
      if (to.empty()) {
        continue;
      }
      if (assignment.destination->getType()->isRecordType()) {
        const Expr* source = assignment.value->IgnoreParenImpCasts();
        if (source->isLValue()) {
          flow(copied(object(source)), to, assignment.value, assignment.value->getExprLoc());
        }
      } else if (syntax_.holds_address(assignment.destination->getType())) {
        flow(assignment.value, to, assignment.value, assignment.value->getExprLoc(),
             Syntax::is_address(assignment.destination->getType()));
      }
    }
    for (const CallExpr* call : statements_.calls) {
      report_call(call);
    }
    for (const clang::ReturnStmt* statement : statements_.returns) {
      const Expr* result = statement->getRetValue();
      if (result != nullptr && syntax_.holds_address(result->getType())) {
        flow(result, "r:" + id_, statement, result->getExprLoc());
      }
    }
  }

  void report_call(const CallExpr* call) {
    const std::string name = called_name(call);
    const clang::SourceLocation location = call->getBeginLoc();
    if (const auto check = validation(name); check && check->buffer < call->getNumArgs()) {
      const Tags tags = value(call->getArg(check->buffer));
      summary_->checks.push_back({syntax_.place(location), name, {tags.begin(), tags.end()}, syntax_.call(call)});
    }
    if (const auto use = memory_use(name)) {
      if (use->copied_from >= 0 && static_cast<unsigned>(use->copied_from) < call->getNumArgs()) {
        const Tags tags = copied(value(call->getArg(static_cast<unsigned>(use->copied_from))));
        report_copy(call, tags, call->getArg(static_cast<unsigned>(use->written)));
      }
      return;
    }
    const FunctionDecl* function = Syntax::named_function(call->getCallee());
    std::string target;
    if (function != nullptr) {
      target = syntax_.id(function);
    } else if (const auto* member = llvm::dyn_cast<MemberExpr>(bare(call->getCallee()))) {
      if (const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl())) {
        target = "member:" + syntax_.id(field);
      }
    } else if (const VarDecl* variable = called_variable(call->getCallee())) {
      const auto* parameter = llvm::dyn_cast<clang::ParmVarDecl>(variable);
      target = parameter != nullptr ? "parameter:" + id_ + ":" + std::to_string(parameter->getFunctionScopeIndex())
                                    : "variable:" + syntax_.id(variable);
    }
    if (target.empty()) {
      return;
    }
    for (unsigned index = 0; index < call->getNumArgs(); ++index) {
      const Expr* argument = call->getArg(index);
      const std::string to =
          function != nullptr ? parameter_root(target, index) : "i:" + target + ":" + std::to_string(index);
      if (syntax_.holds_address(argument->getType())) {
        flow(argument, to, call, location);
      }
      report_passed(call, argument, target, index);
      if (function != nullptr) {
        report_handed_out(call, argument, target, index);
      }
    }
  }

  /// What a pointer that lasts, a member, or a parameter leads to now holds a copy.
  void report_copy(const CallExpr* call, const Tags& tags, const Expr* destination) {
    const Expr* place = address_operand(destination);
    if (place == nullptr && bare(destination)->getType()->isArrayType()) {
      place = bare(destination);
    }
    if (place != nullptr && llvm::isa<MemberExpr>(place->IgnoreParens())) {
      flow(syntax_.holds_address(place->getType()) ? loaded(tags) : tags, root_of_place(place), call,
           call->getBeginLoc());
      return;
    }
    for (const Tag& each : value(destination)) {
      if (each.form == Form::same && !each.inner && !each.root.starts_with("r:")) {
        flow(tags, each.root, call, call->getBeginLoc());
      }
    }
  }

  static const VarDecl* called_variable(const Expr* callee) {
    const Expr* inner = bare(callee);
    if (const auto* operation = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
      inner = bare(operation->getSubExpr());
    }
    if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(inner)) {
      inner = bare(element->getBase());
    }
    return named_variable(inner);
  }

  void report_passed(const CallExpr* call, const Expr* argument, const std::string& target, unsigned index) {
    if (!argument->getType()->isPointerType()) {
      return;
    }
    BufferAccess access;
    access.place = syntax_.place(call->getBeginLoc());
    access.expression = syntax_.text(argument);
    access.passed_to = target;
    access.passed_argument = index;
    report_access(argument, call, access);
  }

  void report_handed_out(const CallExpr* call, const Expr* argument, const std::string& target, unsigned index) {
    std::string to;
    if (const Expr* operand = address_operand(argument)) {
      to = syntax_.holds_address(operand->getType()) ? root_of_place(operand) : std::string();
    } else if (const auto* parameter = llvm::dyn_cast_or_null<clang::ParmVarDecl>(named_variable(argument))) {
      const bool is_out =
          parameter->getType()->isPointerType() && syntax_.holds_address(parameter->getType()->getPointeeType());
      to = is_out ? handed_out_root(id_, parameter->getFunctionScopeIndex()) : std::string();
    }
    if (!to.empty()) {
      flow({{handed_out_root(target, index), Form::same, {}}}, to, call, call->getBeginLoc());
    }
  }

  void report_outcomes() {
    if (graph_ == nullptr) {
      return;
    }
    for (const clang::ReturnStmt* statement : statements_.returns) {
      const auto at = position(statement);
      if (statement->getRetValue() == nullptr || !at || !reachable_[at->block->getBlockID()]) {
        continue;
      }
      const VarDecl* variable = named_variable(statement->getRetValue());
      const auto definitions = variable != nullptr ? definitions_at(variable, *at) : std::nullopt;
      if (!definitions) {
        summary_->outcomes.push_back(outcome(statement->getRetValue(), at->block, at->block));
        continue;
      }
      for (const Definition& definition : *definitions) {
        const Expr* result = definition.value != nullptr ? definition.value : statement->getRetValue();
        summary_->outcomes.push_back(outcome(result, at->block, definition.position.block));
      }
    }
  }

  Outcome outcome(const Expr* result, const CFGBlock* at, const CFGBlock* defined_at) {
    Outcome outcome;
    outcome.guards = guards_at(at);
    if (defined_at != at) {
      const std::vector<unsigned> earlier = guards_at(defined_at);
      outcome.guards.insert(outcome.guards.end(), earlier.begin(), earlier.end());
    }
    if (const auto zero = constant_is_zero(result)) {
      outcome.value = *zero ? Outcome::Value::zero : Outcome::Value::nonzero;
      return outcome;
    }
    const Tested test = tested(result);
    const auto* call = llvm::dyn_cast<CallExpr>(test.value);
    if (call != nullptr && Syntax::named_function(call->getCallee()) != nullptr &&
        test.when_true != Tested::Is::unknown && test.when_false != Tested::Is::unknown) {
      outcome.value = Outcome::Value::call;
      outcome.negated = test.when_true == Tested::Is::zero;
      for (const TaggedArgument& argument : tagged_arguments(call)) {
        for (const Tag& tag : argument.tags) {
          outcome.calls.push_back(guard(call, true, argument.index, tag));
        }
      }
    }
    return outcome;
  }

  static constexpr std::size_t most_steps = 2'000'000;

  const Syntax& syntax_;
  const FunctionDecl* function_;
  const std::string id_;
  mutable std::size_t steps_ = 0;
  Statements statements_;
  std::map<const VarDecl*, Tags> values_;    ///< of pointers
  std::map<const VarDecl*, Tags> contents_;  ///< of records and arrays, as a pointer to them would have them
  std::unique_ptr<clang::CFG> graph_;
  llvm::DenseMap<const Stmt*, Position> positions_;
  std::vector<bool> reachable_;
  std::map<std::pair<const CallExpr*, bool>, Decision> decisions_;
  std::map<Tag, std::set<WayOut>> null_ways_;
  std::map<std::pair<const Decision*, Tag>, std::vector<bool>> behind_or_null_;
  mutable std::map<const CallExpr*, std::vector<TaggedArgument>> tagged_arguments_;
  std::map<std::tuple<const CallExpr*, bool, unsigned, Tag>, std::size_t> guard_numbers_;
  FunctionSummary* summary_ = nullptr;
};

}  // namespace

void find_function_flows(const Syntax& syntax, const Request&, UnitSummary& unit) {
  for (const clang::Decl* declaration : syntax.context().getTranslationUnitDecl()->decls()) {
    const auto* function = llvm::dyn_cast<FunctionDecl>(declaration);
    if (function != nullptr && function->doesThisDeclarationHaveABody()) {
      unit.functions.push_back(FunctionFlow(syntax, function).summary());
    }
  }
}

}  // namespace redoubt::tool::port
