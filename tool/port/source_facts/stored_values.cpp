// SPDX-License-Identifier: BSD-2-Clause-Patent
// Values that are stored, and the edges of the call graph that they are.

#include "tool/port/source_facts/kinds.hpp"
#include "tool/port/source_facts/service_tables.hpp"
#include "tool/port/source_facts/syntax_finder.hpp"

namespace redoubt::tool::port {

using clang::CallExpr;
using clang::DeclRefExpr;
using clang::Expr;
using clang::FunctionDecl;
using clang::MemberExpr;
using clang::VarDecl;

std::string SyntaxFinder::parameter_node(const std::string& function, unsigned index) {
  return "parameter:" + function + ":" + std::to_string(index);
}

std::string SyntaxFinder::member_node(const clang::FieldDecl* field) {
  const std::string record = syntax_.record_name(field->getParent());
  const std::string node = "member:" + record + "." + field->getNameAsString();
  if (field->getType()->isFunctionPointerType()) {
    unit_.edges.insert({"record:" + record, node});
  }
  if (const clang::RecordDecl* inner = syntax_.record_of(field->getType());
      inner != nullptr && !field->getType()->isPointerType()) {
    unit_.edges.insert({"record:" + record, "record:" + syntax_.record_name(inner)});
  }
  return node;
}

void SyntaxFinder::mark_enclosing_records(const MemberExpr* member) {
  while (member != nullptr) {
    if (const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl())) {
      member_node(field);
    }
    member = member->isArrow() ? nullptr : llvm::dyn_cast<MemberExpr>(member->getBase()->IgnoreParenCasts());
  }
}

std::vector<std::string> SyntaxFinder::nodes(const Expr* expression) {
  const Expr* inner = Syntax::bare(expression);
  if (const auto* dereference = llvm::dyn_cast<clang::UnaryOperator>(inner)) {
    return nodes(dereference->getSubExpr());
  }
  if (const auto* reference = llvm::dyn_cast<DeclRefExpr>(inner)) {
    if (const auto* function = llvm::dyn_cast<FunctionDecl>(reference->getDecl())) {
      return {"function:" + syntax_.id(function)};
    }
    if (const auto* parameter = llvm::dyn_cast<clang::ParmVarDecl>(reference->getDecl())) {
      return {parameter_node(function_id_, parameter->getFunctionScopeIndex())};
    }
    if (const auto* variable = llvm::dyn_cast<VarDecl>(reference->getDecl())) {
      return {"variable:" + syntax_.id(variable)};
    }
  }
  if (const auto* member = llvm::dyn_cast<MemberExpr>(inner)) {
    if (const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl())) {
      return {member_node(field)};
    }
  }
  if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(inner)) {
    return nodes(element->getBase());
  }
  if (const auto* call = llvm::dyn_cast<CallExpr>(inner)) {
    if (const FunctionDecl* function = Syntax::named_function(call->getCallee())) {
      return {"result:" + syntax_.id(function)};
    }
  }
  if (const auto* choice = llvm::dyn_cast<clang::ConditionalOperator>(inner)) {
    std::vector<std::string> both = nodes(choice->getTrueExpr());
    const std::vector<std::string> other = nodes(choice->getFalseExpr());
    both.insert(both.end(), other.begin(), other.end());
    return both;
  }
  return {};
}

bool SyntaxFinder::leads_to_functions(const Expr* value, clang::QualType destination) const {
  return Syntax::named_function(value) != nullptr || value->getType()->isFunctionPointerType() ||
         (!destination.isNull() && destination->isFunctionPointerType());
}

void SyntaxFinder::mark_seen(const Expr* expression) {
  if (const auto* reference = llvm::dyn_cast_or_null<DeclRefExpr>(Syntax::bare(expression))) {
    seen_functions_.insert(reference);
  } else if (const auto* choice = llvm::dyn_cast_or_null<clang::ConditionalOperator>(Syntax::bare(expression))) {
    mark_seen(choice->getTrueExpr());
    mark_seen(choice->getFalseExpr());
  }
}

void SyntaxFinder::store_function(const std::string& node, const Expr* value, clang::QualType destination) {
  if (value == nullptr) {
    return;  // an element that didn't parse
  }
  if (const auto* list = llvm::dyn_cast<clang::InitListExpr>(value)) {
    for (const Expr* element : list->inits()) {
      if (list->getType()->isArrayType()) {
        store_function(node, element, element->getType());
      }
    }
    return;
  }
  if (!leads_to_functions(value, destination)) {
    return;
  }
  mark_seen(value);
  for (const std::string& source : nodes(value)) {
    unit_.edges.insert({node, source});
  }
}

void SyntaxFinder::store(const Storage& destination, clang::QualType type, const Expr* value) {
  if (destination.kind == "member") {
    store_function("member:" + destination.id, value, type);
  } else if (!destination.id.empty()) {
    store_function("variable:" + destination.id, value, type);
  }
  const Expr* inner = value->IgnoreParenCasts();
  if (const auto* call = llvm::dyn_cast<CallExpr>(inner)) {
    kept_result_.try_emplace(call, destination);
  }
  if (destination.lasts() || destination.name.starts_with("*")) {
    note_copy(inner, destination);
  }
  const clang::RecordDecl* record = syntax_.record_of(value->getType());
  if (record != nullptr && value->getType()->isPointerType()) {
    const std::string table = table_of(syntax_.record_name(record));
    if (!table.empty()) {
      if (const auto* reference = llvm::dyn_cast<DeclRefExpr>(inner)) {
        table_bases_.insert(reference);
      }
      Fact& fact = add(kind::table_stored, value->getExprLoc());
      fact.detail["table"] = table;
      fact.detail["from"] = syntax_.text(value);
      fact.kept.push_back(destination);
    }
  }
}

void SyntaxFinder::note_copy(const Expr* value, const Storage& destination) {
  const auto* reference = llvm::dyn_cast<DeclRefExpr>(value->IgnoreParenCasts());
  const auto* variable = reference != nullptr ? llvm::dyn_cast<VarDecl>(reference->getDecl()) : nullptr;
  if (variable != nullptr && variable->isLocalVarDeclOrParm() && !variable->isStaticLocal()) {
    copies_[syntax_.id(variable)].push_back(destination);
  }
}

void SyntaxFinder::follow_copies(std::size_t first_fact) {
  for (std::size_t at = first_fact; at < unit_.facts.size(); ++at) {
    Fact& fact = unit_.facts[at];
    if (fact.kept.size() == 1 && fact.kept[0].kind == "local") {
      const std::vector<Storage>& copies = copies_[fact.kept[0].id];
      fact.kept.insert(fact.kept.end(), copies.begin(), copies.end());
    }
  }
  copies_.clear();
}

void SyntaxFinder::mark_written(const Expr* lvalue) {
  const Expr* inner = lvalue->IgnoreParenCasts();
  if (const auto* reference = llvm::dyn_cast<DeclRefExpr>(inner)) {
    written_.insert(reference);
  } else if (const auto* member = llvm::dyn_cast<MemberExpr>(inner)) {
    written_members_.insert(member);
    if (!member->isArrow()) {
      mark_written(member->getBase());
    }
  } else if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(inner)) {
    if (element->getBase()->IgnoreParenImpCasts()->getType()->isArrayType()) {
      mark_written(element->getBase());
    }
  }
}

void SyntaxFinder::note_member_read(const MemberExpr* member, const clang::FieldDecl* field) {
  if (field->getType()->isPointerType() || syntax_.holds_address(field->getType())) {
    unit_.variable_accesses.push_back(
        {syntax_.id(field), function_id_, syntax_.place(member->getMemberLoc()), written_members_.contains(member)});
  }
}

}  // namespace redoubt::tool::port
