// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/expressions.hpp"

#include "tool/port/source_facts/syntax.hpp"

namespace redoubt::tool::port {

using clang::CallExpr;
using clang::DeclRefExpr;
using clang::Expr;
using clang::FunctionDecl;
using clang::MemberExpr;
using clang::VarDecl;

const Expr* bare(const Expr* expression) { return expression->IgnoreParenCasts(); }

const VarDecl* named_variable(const Expr* expression) {
  const auto* reference = llvm::dyn_cast<DeclRefExpr>(bare(expression));
  return reference != nullptr ? llvm::dyn_cast<VarDecl>(reference->getDecl()) : nullptr;
}

bool is_local(const VarDecl* variable) { return variable->isLocalVarDeclOrParm() && !variable->isStaticLocal(); }

const Expr* unknown_member_base(const Expr* expression) {
  const auto* recovery = llvm::dyn_cast<clang::RecoveryExpr>(expression);
  if (recovery == nullptr || recovery->subExpressions().size() != 1) {
    return nullptr;
  }
  const Expr* base = recovery->subExpressions()[0];
  return !base->getType().isNull() && base->getType()->isPointerType() ? base : nullptr;
}

const Expr* address_operand(const Expr* expression) {
  const auto* address = llvm::dyn_cast<clang::UnaryOperator>(bare(expression));
  return address != nullptr && address->getOpcode() == clang::UO_AddrOf ? address->getSubExpr()->IgnoreParens()
                                                                        : nullptr;
}

std::string called_name(const CallExpr* call) {
  if (const FunctionDecl* function = Syntax::named_function(call->getCallee())) {
    return function->getNameAsString();
  }
  if (const auto* member = llvm::dyn_cast<MemberExpr>(bare(call->getCallee()))) {
    return member->getMemberDecl()->getNameAsString();
  }
  return {};
}

}  // namespace redoubt::tool::port
