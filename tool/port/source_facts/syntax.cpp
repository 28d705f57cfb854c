// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/syntax.hpp"

#include <clang/AST/ParentMapContext.h>
#include <clang/AST/RecordLayout.h>
#include <clang/Basic/SourceManager.h>
#include <clang/Lex/Lexer.h>

namespace redoubt::tool::port {

namespace {

/// Whether what stands in it is a statement among others, between braces.
bool is_block(const clang::Stmt* outer) { return llvm::isa_and_nonnull<clang::CompoundStmt>(outer); }

}  // namespace

std::string one_line(llvm::StringRef text) {
  constexpr std::size_t longest = 120;
  std::string line;
  for (char letter : text) {
    const bool blank = letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r';
    if (!blank) {
      line += letter;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
    if (line.size() > longest) {
      line.resize(longest);
      return line + "...";
    }
  }
  while (line.ends_with(' ')) {
    line.pop_back();
  }
  return line;
}

Place Syntax::place(clang::SourceLocation location) const {
  const clang::SourceManager& sources = context_.getSourceManager();
  const clang::PresumedLoc presumed = sources.getPresumedLoc(sources.getExpansionLoc(location), false);
  if (presumed.isInvalid()) {
    return {};
  }
  return {presumed.getFilename(), presumed.getLine(), presumed.getColumn()};
}

Json Syntax::extent(clang::SourceRange range) const {
  const clang::SourceManager& sources = context_.getSourceManager();
  const clang::CharSourceRange whole =
      clang::Lexer::makeFileCharRange(clang::CharSourceRange::getTokenRange(range), sources, context_.getLangOpts());
  if (whole.isInvalid()) {
    return nullptr;
  }
  const clang::PresumedLoc begin = sources.getPresumedLoc(whole.getBegin(), false);
  const clang::PresumedLoc end = sources.getPresumedLoc(whole.getEnd(), false);
  return Json::array({begin.getLine(), begin.getColumn(), end.getLine(), end.getColumn()});
}

Json Syntax::call(const clang::CallExpr* call) const {
  Json json;
  json["at"] = extent(call->getSourceRange());
  if (json["at"].is_null()) {
    return nullptr;
  }
  json["arguments"] = Json::array();
  for (const clang::Expr* argument : call->arguments()) {
    json["arguments"].push_back(extent(argument->getSourceRange()));
  }
  // Outwards over what doesn't change the value.
  const clang::Stmt* inner = call;
  const clang::Stmt* outer = nullptr;
  const auto go_out = [&] {
    const auto parents = context_.getParents(*inner);
    outer = parents.empty() ? nullptr : parents[0].get<clang::Stmt>();
    return outer;
  };
  while (go_out() != nullptr && llvm::isa<clang::ParenExpr, clang::CastExpr>(outer)) {
    inner = outer;
  }
  const char* use = "other";
  const clang::Stmt* statement = nullptr;
  if (const auto* assignment = llvm::dyn_cast_or_null<clang::BinaryOperator>(outer);
      assignment != nullptr && assignment->getOpcode() == clang::BO_Assign && assignment->getRHS() == inner) {
    inner = assignment;
    if (is_block(go_out())) {
      use = "assigned";
      statement = inner;
      json["assigned_to"] = extent(assignment->getLHS()->getSourceRange());
    }
  } else if (llvm::isa_and_nonnull<clang::ReturnStmt>(outer)) {
    inner = outer;
    if (is_block(go_out())) {
      use = "returned";
      statement = inner;
    }
  } else if (is_block(outer)) {
    use = "ignored";
    statement = inner;
  }
  json["use"] = use;
  if (statement != nullptr) {
    json["statement"] = extent(statement->getSourceRange());
  }
  return json;
}

std::string Syntax::text(const clang::Stmt* statement) const {
  const clang::SourceManager& sources = context_.getSourceManager();
  const clang::CharSourceRange range = clang::Lexer::makeFileCharRange(
      clang::CharSourceRange::getTokenRange(statement->getSourceRange()), sources, context_.getLangOpts());
  if (range.isValid()) {
    return one_line(clang::Lexer::getSourceText(range, sources, context_.getLangOpts()));
  }
  // A part of a macro's expansion: shown as the source has it, by the use of the macro.
  return one_line(clang::Lexer::getSourceText(
      clang::CharSourceRange(sources.getExpansionRange(statement->getSourceRange()).getAsRange(), true), sources,
      context_.getLangOpts()));
}

std::string Syntax::id(const clang::FunctionDecl* function) const {
  std::string name = function->getNameAsString();
  if (function->isExternallyVisible()) {
    return name;
  }
  return name + "@" + place(function->getCanonicalDecl()->getLocation()).file;
}

std::string Syntax::id(const clang::VarDecl* variable) const {
  const std::string name = variable->getNameAsString();
  const auto* function = llvm::dyn_cast<clang::FunctionDecl>(variable->getDeclContext());
  if (function != nullptr) {
    return id(function) + "/" + name + ":" + std::to_string(place(variable->getLocation()).line);
  }
  if (variable->isExternallyVisible()) {
    return name;
  }
  return name + "@" + place(variable->getCanonicalDecl()->getLocation()).file;
}

std::string Syntax::record_name(const clang::RecordDecl* record) const {
  llvm::StringRef name = record->getName();
  if (name.empty()) {
    if (const clang::TypedefNameDecl* alias = record->getTypedefNameForAnonDecl()) {
      name = alias->getName();
    }
  }
  if (name.empty()) {
    const Place where = place(record->getLocation());
    return "(record at " + where.file + ":" + std::to_string(where.line) + ")";
  }
  return name.ltrim('_').str();
}

std::string Syntax::id(const clang::FieldDecl* member) const {
  return record_name(member->getParent()) + "." + member->getNameAsString();
}

const clang::RecordDecl* Syntax::record_of(clang::QualType type) const {
  if (type.isNull()) {
    return nullptr;
  }
  if (const auto* pointer = type->getAs<clang::PointerType>()) {
    type = pointer->getPointeeType();
  }
  const auto* record = type->getAs<clang::RecordType>();
  return record != nullptr ? record->getDecl() : nullptr;
}

Storage Syntax::storage(const clang::VarDecl* variable) const {
  Storage storage;
  storage.name = variable->getNameAsString();
  storage.id = id(variable);
  if (llvm::isa<clang::ParmVarDecl>(variable)) {
    storage.kind = "parameter";
  } else if (variable->isLocalVarDecl() && !variable->isStaticLocal() && !variable->hasExternalStorage()) {
    storage.kind = "local";
  } else {
    storage.kind = variable->isExternallyVisible() ? "global" : "static";
  }
  return storage;
}

const clang::Expr* Syntax::bare(const clang::Expr* expression) {
  while (expression != nullptr) {
    const clang::Expr* inner = expression->IgnoreParenCasts();
    if (const auto* address = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
      if (address->getOpcode() == clang::UO_AddrOf && address->getSubExpr()->getType()->isFunctionType()) {
        expression = address->getSubExpr();
        continue;
      }
    }
    return inner;
  }
  return nullptr;
}

const clang::FunctionDecl* Syntax::named_function(const clang::Expr* expression) {
  const auto* reference = llvm::dyn_cast_or_null<clang::DeclRefExpr>(bare(expression));
  return reference != nullptr ? llvm::dyn_cast<clang::FunctionDecl>(reference->getDecl()) : nullptr;
}

Storage Syntax::storage(const clang::Expr* expression, const std::string& function_id) const {
  const clang::Expr* inner = expression->IgnoreParenCasts();
  if (const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(inner)) {
    if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(reference->getDecl())) {
      return storage(variable);
    }
  }
  if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(inner)) {
    if (const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl())) {
      return {"member", text(member), id(field)};
    }
  }
  if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(inner)) {
    Storage array = storage(element->getBase(), function_id);
    array.name = text(element);
    return array;
  }
  if (const auto* dereference = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
    if (dereference->getOpcode() == clang::UO_Deref) {
      Storage pointer = storage(dereference->getSubExpr(), function_id);
      if (pointer.kind == "parameter") {
        return {"parameter", "*" + pointer.name, pointer.id};
      }
    }
  }
  return {"other", text(inner), {}};
}

Storage Syntax::stored_through(const clang::Expr* argument, const std::string& function_id) const {
  const clang::Expr* inner = argument->IgnoreParenCasts();
  if (const auto* address = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
    if (address->getOpcode() == clang::UO_AddrOf) {
      return storage(address->getSubExpr(), function_id);
    }
  }
  return storage(inner, function_id);
}

std::string Syntax::guid(const clang::Expr* argument) const {
  const clang::Expr* inner = argument->IgnoreParenCasts();
  if (const auto* address = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
    if (address->getOpcode() == clang::UO_AddrOf) {
      inner = address->getSubExpr()->IgnoreParenCasts();
    }
  }
  if (const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(inner)) {
    return reference->getDecl()->getNameAsString();
  }
  if (inner->isNullPointerConstant(context_, clang::Expr::NPC_ValueDependentIsNotNull) != clang::Expr::NPCK_NotNull) {
    return {};
  }
  return text(inner);
}

bool Syntax::is_address(clang::QualType type) {
  if (type->isPointerType()) {
    return true;
  }
  while (const auto* alias = type->getAs<clang::TypedefType>()) {
    if (alias->getDecl()->getName().ends_with("_ADDRESS")) {
      return true;
    }
    type = alias->getDecl()->getUnderlyingType();
  }
  return false;
}

bool Syntax::holds_address(clang::QualType type) const {
  if (type.isNull() || type->isDependentType()) {
    return false;
  }
  if (type->isPointerType()) {
    return true;
  }
  return type->isIntegerType() && !type->isBooleanType() && !type->isEnumeralType() && !type->isIncompleteType() &&
         context_.getTypeSize(type) >= context_.getTypeSize(context_.VoidPtrTy);
}

}  // namespace redoubt::tool::port
