// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a function does with values: the statements that the flow of pointers is computed from.
#pragma once

#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>
#include <llvm/ADT/DenseSet.h>

#include <vector>

namespace redoubt::tool::port {

/// Where values are given to variables, which is all that the flow of pointers is made of.
struct Assignment {
  const clang::Expr* destination = nullptr;  ///< an lvalue, or nothing if `variable` is initialised
  const clang::VarDecl* variable = nullptr;
  const clang::Expr* value = nullptr;
};

struct Statements {
  std::vector<Assignment> assignments;
  std::vector<const clang::CallExpr*> calls;
  std::vector<const clang::ReturnStmt*> returns;
  std::vector<const clang::Expr*> dereferences;
  std::vector<const clang::ImplicitCastExpr*> loads;
  llvm::DenseSet<const clang::Expr*> written;
  llvm::DenseSet<const clang::Expr*> address_only;
  llvm::DenseSet<const clang::VarDecl*> address_taken;
};

/// Collected in one walk.
Statements statements_of(clang::Stmt* body);

}  // namespace redoubt::tool::port
