// SPDX-License-Identifier: BSD-2-Clause-Patent
// Questions about clang's syntax tree that more than one finder asks: where something stands, what it is called across
// units, and where a value is kept.
#pragma once

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>

#include <optional>

#include "tool/port/source_facts/summary.hpp"

namespace redoubt::tool::port {

class Syntax {
 public:
  explicit Syntax(clang::ASTContext& context) : context_(context) {}

  clang::ASTContext& context() const { return context_; }

  /// Where the code is that a person would change: for code from a macro, where the macro is used.
  Place place(clang::SourceLocation location) const;

  /// From the first byte of `range` to the one behind its last, as [line, column, line, column], if all of it is
  /// written in one file as it stands, be it words that macros take the place of; null if it is a part of what a macro
  /// makes.
  Json extent(clang::SourceRange range) const;

  /// What a tool needs that changes a call: where it and its arguments stand, what its result is used for (`use`), and
  /// where the statement is that it makes, alone or with an assignment or a return. Null for a call from a macro.
  Json call(const clang::CallExpr* call) const;

  /// The source text of an expression, on one line, cut after 120 bytes.
  std::string text(const clang::Stmt* statement) const;

  std::string id(const clang::FunctionDecl* function) const;
  std::string id(const clang::VarDecl* variable) const;

  /// "RECORD.member"; the record without the underscores that some declarations put in front.
  std::string id(const clang::FieldDecl* member) const;
  std::string record_name(const clang::RecordDecl* record) const;

  /// The record that a value of `type` is or points to, if any.
  const clang::RecordDecl* record_of(clang::QualType type) const;

  /// Where the lvalue `expression` keeps a value.
  Storage storage(const clang::Expr* expression, const std::string& function_id) const;
  Storage storage(const clang::VarDecl* variable) const;

  /// For an argument through which a callee hands out a pointer, as (VOID **)&mInterface: what it is stored in.
  Storage stored_through(const clang::Expr* argument, const std::string& function_id) const;

  /// The name of the GUID that an argument such as &gFooGuid gives, else its text.
  std::string guid(const clang::Expr* argument) const;

  /// Without parentheses, casts, and a leading & of a function.
  static const clang::Expr* bare(const clang::Expr* expression);

  /// The function that an expression names, if it does.
  static const clang::FunctionDecl* named_function(const clang::Expr* expression);

  /// Whether a value of the type can hold the address of something: a pointer, or an integer of at least 64 bits (on
  /// IA32 at least 32).
  bool holds_address(clang::QualType type) const;

  /// Whether it is a pointer or one of the specification's address types.
  static bool is_address(clang::QualType type);

 private:
  clang::ASTContext& context_;
};

/// Replaces tabs, line ends and runs of blanks by one blank, and cuts what is too long for a report.
std::string one_line(llvm::StringRef text);

}  // namespace redoubt::tool::port
