// SPDX-License-Identifier: BSD-2-Clause-Patent
// What an expression of clang's syntax tree names, by itself.
#pragma once

#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>

#include <string>

namespace redoubt::tool::port {

const clang::Expr* bare(const clang::Expr* expression);

const clang::VarDecl* named_variable(const clang::Expr* expression);

bool is_local(const clang::VarDecl* variable);

/// The pointer p in p->member for a member that isn't known. Such an expression has nothing but its parts.
const clang::Expr* unknown_member_base(const clang::Expr* expression);

/// The operand of a unary & in front of an expression.
const clang::Expr* address_operand(const clang::Expr* expression);

/// The name of the function or of the service that is called.
std::string called_name(const clang::CallExpr* call);

}  // namespace redoubt::tool::port
