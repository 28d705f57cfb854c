// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/statements.hpp"

#include <clang/AST/RecursiveASTVisitor.h>

#include <utility>

#include "tool/port/source_facts/expressions.hpp"

namespace redoubt::tool::port {

namespace {

using clang::CallExpr;
using clang::Expr;
using clang::MemberExpr;
using clang::VarDecl;

class Collector : public clang::RecursiveASTVisitor<Collector>, public Statements {
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

}  // namespace

Statements statements_of(clang::Stmt* body) {
  Collector collector;
  collector.TraverseStmt(body);
  return std::move(static_cast<Statements&>(collector));
}

}  // namespace redoubt::tool::port
