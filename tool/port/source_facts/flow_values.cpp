// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which values carry which tags.

#include "tool/port/source_facts/flow.hpp"
#include "tool/port/source_facts/known_functions.hpp"

namespace redoubt::tool::port {

using clang::CallExpr;
using clang::Expr;
using clang::FunctionDecl;
using clang::MemberExpr;
using clang::VarDecl;

Tags FunctionFlow::value(const Expr* expression) const {
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

std::string FunctionFlow::unknown_member(const Expr* expression) const {
  const std::string text = syntax_.text(expression);
  const std::size_t arrow = text.rfind("->");
  return arrow == std::string::npos ? "*" : "?." + text.substr(arrow + 2);
}

Tags FunctionFlow::joined(Tags first, const Tags& second) {
  first.insert(second.begin(), second.end());
  return first;
}

Tags FunctionFlow::value_of_operation(const clang::BinaryOperator* operation) const {
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

bool FunctionFlow::was_pointer(const Expr* expression) {
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

Tags FunctionFlow::value_of_call(const CallExpr* call) const {
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

Tags FunctionFlow::copied(const Tags& tags) {
  Tags result;
  for (const Tag& tag : tags) {
    result.insert({tag.root, Form::copied, {}});
  }
  return result;
}

Tags FunctionFlow::object(const Expr* lvalue) const {
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

Tags FunctionFlow::load(const Expr* lvalue, clang::QualType type) const {
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

std::string FunctionFlow::read_from(const Expr* lvalue) const {
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

void FunctionFlow::follow_values() {
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

bool FunctionFlow::add(Tags& to, const Tags& tags) {
  const std::size_t before = to.size();
  to.insert(tags.begin(), tags.end());
  return to.size() != before;
}

bool FunctionFlow::follow(const Assignment& assignment) {
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

bool FunctionFlow::follow(const CallExpr* call) {
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

Tags FunctionFlow::loaded(const Tags& copied) {
  Tags result;
  for (const Tag& tag : copied) {
    result.insert({tag.root, Form::loaded, "*"});
  }
  return result;
}

bool FunctionFlow::fill(const Expr* pointer, const Tags& tags) {
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

}  // namespace redoubt::tool::port
