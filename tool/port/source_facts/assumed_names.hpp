// SPDX-License-Identifier: BSD-2-Clause-Patent
// Declares the names that a source uses and that a missing header would declare: from where the name stands it is a
// type, a constant or a variable. Without it, clang would drop every declaration that uses a type it doesn't know.
#pragma once

#include <clang/Lex/Preprocessor.h>
#include <clang/Sema/ExternalSemaSource.h>
#include <clang/Sema/Sema.h>

#include <map>

#include "tool/port/source_facts/summary.hpp"

namespace redoubt::tool::port {

class AssumedNames : public clang::ExternalSemaSource {
 public:
  explicit AssumedNames(UnitSummary& unit) : unit_(unit) {}

  void InitializeSema(clang::Sema& sema) override { sema_ = &sema; }
  void ForgetSema() override { sema_ = nullptr; }

  bool LookupUnqualified(clang::LookupResult& result, clang::Scope* scope) override;

 private:
  clang::NamedDecl* assume(clang::IdentifierInfo* name, clang::SourceLocation location);
  clang::NamedDecl* assume_type(clang::IdentifierInfo* name, clang::SourceLocation location, bool is_scalar);
  clang::NamedDecl* assume_constant(clang::IdentifierInfo* name, clang::SourceLocation location);
  clang::NamedDecl* assume_variable(clang::IdentifierInfo* name, clang::SourceLocation location);

  UnitSummary& unit_;
  clang::Sema* sema_ = nullptr;
  clang::EnumDecl* constants_ = nullptr;
  unsigned next_constant_ = 0x5EED0000;
  std::map<const clang::IdentifierInfo*, clang::NamedDecl*> declared_;
};

}  // namespace redoubt::tool::port
