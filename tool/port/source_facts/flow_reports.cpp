// SPDX-License-Identifier: BSD-2-Clause-Patent
// What is reported of accesses, calls and outcomes.
#include <clang/AST/ParentMapContext.h>

#include "tool/port/source_facts/flow.hpp"
#include "tool/port/source_facts/known_functions.hpp"

namespace redoubt::tool::port {

using clang::CallExpr;
using clang::CFGBlock;
using clang::Expr;
using clang::FunctionDecl;
using clang::MemberExpr;
using clang::Stmt;
using clang::VarDecl;

void FunctionFlow::access(const Expr* pointer, const Stmt* at, const Expr* shown, bool writes) {
  BufferAccess access;
  access.place = syntax_.place(shown->getExprLoc());
  access.expression = syntax_.text(shown);
  access.writes = writes;
  report_access(pointer, at, access);
}

void FunctionFlow::report_access(const Expr* pointer, const Stmt* at, const BufferAccess& description) {
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

const Expr* FunctionFlow::dereferenced(const Expr* expression) {
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

void FunctionFlow::report_accesses() {
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

bool FunctionFlow::is_made_pointer(const clang::ImplicitCastExpr* load) const {
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

void FunctionFlow::flow(const std::vector<Origin>& origins, const std::string& to, const Stmt* at,
                        clang::SourceLocation location, bool is_address) {
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

void FunctionFlow::flow(const Tags& tags, const std::string& to, const Stmt* at, clang::SourceLocation location) {
  if (!tags.empty()) {
    flow({Origin{tags, nullptr, std::nullopt}}, to, at, location);
  }
}

void FunctionFlow::flow(const Expr* source, const std::string& to, const Stmt* at, clang::SourceLocation location,
                        bool is_address) {
  flow(origins(source, graph_ != nullptr ? position(at) : std::nullopt), to, at, location, is_address);
}

std::string FunctionFlow::root_of_place(const Expr* lvalue) const {
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

void FunctionFlow::report_flows() {
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

void FunctionFlow::report_call(const CallExpr* call) {
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

void FunctionFlow::report_copy(const CallExpr* call, const Tags& tags, const Expr* destination) {
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

const VarDecl* FunctionFlow::called_variable(const Expr* callee) {
  const Expr* inner = bare(callee);
  if (const auto* operation = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
    inner = bare(operation->getSubExpr());
  }
  if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(inner)) {
    inner = bare(element->getBase());
  }
  return named_variable(inner);
}

void FunctionFlow::report_passed(const CallExpr* call, const Expr* argument, const std::string& target,
                                 unsigned index) {
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

void FunctionFlow::report_handed_out(const CallExpr* call, const Expr* argument, const std::string& target,
                                     unsigned index) {
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

void FunctionFlow::report_outcomes() {
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

Outcome FunctionFlow::outcome(const Expr* result, const CFGBlock* at, const CFGBlock* defined_at) {
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

}  // namespace redoubt::tool::port
