// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/syntax_facts.hpp"

#include "tool/port/source_facts/assembly_scan.hpp"
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

bool SyntaxFinder::TraverseFunctionDecl(FunctionDecl* function) {
  if (!function->doesThisDeclarationHaveABody()) {
    return true;
  }
  const FunctionDecl* outer = std::exchange(function_, function);
  const std::string outer_id = std::exchange(function_id_, syntax_.id(function));
  const std::size_t first_fact = unit_.facts.size();
  const bool go_on = RecursiveASTVisitor::TraverseFunctionDecl(function);
  follow_copies(first_fact);
  function_ = outer;
  function_id_ = outer_id;
  return go_on;
}

bool SyntaxFinder::VisitVarDecl(VarDecl* variable) {
  if (variable->hasGlobalStorage() && variable->isThisDeclarationADefinition() != VarDecl::DeclarationOnly) {
    GlobalVariable global;
    global.id = syntax_.id(variable);
    global.name = variable->getNameAsString();
    global.place = syntax_.place(variable->getLocation());
    global.is_constant = variable->getType().isConstQualified() ||
                         (variable->getType()->isArrayType() &&
                          syntax_.context().getBaseElementType(variable->getType()).isConstQualified());
    global.is_static = !variable->isExternallyVisible() || variable->isStaticLocal();
    unit_.variables.push_back(std::move(global));
  }
  if (const Expr* value = variable->getInit()) {
    store(syntax_.storage(variable), variable->getType(), value);
  }
  return true;
}

bool SyntaxFinder::TraverseInitListExpr(clang::InitListExpr* list, DataRecursionQueue* queue) {
  clang::InitListExpr* semantic = list->getSemanticForm() != nullptr ? list->getSemanticForm() : list;
  return TraverseSynOrSemInitListExpr(semantic, queue);
}

bool SyntaxFinder::VisitInitListExpr(clang::InitListExpr* list) {
  const auto* record = list->getType()->getAs<clang::RecordType>();
  if (record == nullptr || record->getDecl()->isUnion()) {
    return true;
  }
  unsigned index = 0;
  for (const clang::FieldDecl* field : record->getDecl()->fields()) {
    if (field->isUnnamedBitField()) {
      continue;
    }
    if (index >= list->getNumInits()) {
      break;
    }
    store_function(member_node(field), list->getInit(index++), field->getType());
  }
  return true;
}

bool SyntaxFinder::VisitBinaryOperator(clang::BinaryOperator* operation) {
  if (!operation->isAssignmentOp()) {
    return true;
  }
  mark_written(operation->getLHS());
  if (operation->getOpcode() == clang::BO_Assign) {
    const Storage destination = syntax_.storage(operation->getLHS(), function_id_);
    store(destination, operation->getLHS()->getType(), operation->getRHS());
    const auto* member = llvm::dyn_cast<MemberExpr>(operation->getLHS()->IgnoreParenCasts());
    if (member != nullptr) {
      mark_enclosing_records(member);
    }
  }
  return true;
}

bool SyntaxFinder::VisitUnaryOperator(clang::UnaryOperator* operation) {
  if (operation->isIncrementDecrementOp() || operation->getOpcode() == clang::UO_AddrOf) {
    mark_written(operation->getSubExpr());
  }
  return true;
}

bool SyntaxFinder::VisitReturnStmt(clang::ReturnStmt* statement) {
  if (statement->getRetValue() == nullptr) {
    return true;
  }
  const Expr* value = statement->getRetValue()->IgnoreParenCasts();
  store_function("result:" + function_id_, value, value->getType());
  Storage returned{"returned", "", ""};
  note_copy(value, returned);
  if (const auto* call = llvm::dyn_cast<CallExpr>(value)) {
    kept_result_[call] = returned;
  }
  return true;
}

bool SyntaxFinder::VisitCallExpr(CallExpr* call) {
  // A call that can't be typed still has its callee's text and its arguments.
  const Expr* callee = call->getCallee()->IgnoreParenCasts();
  if (const FunctionDecl* function = Syntax::named_function(callee)) {
    mark_seen(call->getCallee());
    direct_call(call, function);
  } else if (const auto* member = llvm::dyn_cast<MemberExpr>(callee)) {
    called_members_.try_emplace(member, call);
    member_call(call, member);
  } else {
    for (const std::string& node : nodes(callee)) {
      unit_.edges.insert({here(), node});
    }
    untyped_call(call, callee);
  }
  return true;
}

bool SyntaxFinder::VisitMemberExpr(MemberExpr* member) {
  const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
  if (field == nullptr) {
    return true;
  }
  const std::string record = syntax_.record_name(field->getParent());
  const std::string name = field->getNameAsString();
  note_member_read(member, field);
  if (const std::string table = table_of(record); !table.empty()) {
    if (const auto* base = llvm::dyn_cast<DeclRefExpr>(member->getBase()->IgnoreParenCasts())) {
      table_bases_.insert(base);
    }
    service_use(member, table, name);
  }
  if (name == "ReadSaveState" || name == "WriteSaveState" || name == "CpuSaveState" || name == "CpuSaveStateSize" ||
      record.find("SAVE_STATE_MAP") != std::string::npos) {
    Fact& fact = add(kind::save_state, member->getMemberLoc());
    fact.detail["access"] = name;
    fact.detail["record"] = record;
    fact.detail["expression"] = syntax_.text(member);
  }
  if (record == "EFI_CONFIGURATION_TABLE" && name == "VendorTable") {
    Fact& fact = add(kind::configuration_table, member->getMemberLoc());
    fact.detail["operation"] = "read";
    fact.detail["expression"] = syntax_.text(member);
  }
  return true;
}

bool SyntaxFinder::VisitDeclRefExpr(DeclRefExpr* reference) {
  if (const auto* function = llvm::dyn_cast<FunctionDecl>(reference->getDecl())) {
    if (!seen_functions_.contains(reference)) {
      // Its address goes where we can't follow it; from there it may be called at any time.
      unit_.roots.push_back({"callback", "function:" + syntax_.id(function)});
    }
    return true;
  }
  const auto* variable = llvm::dyn_cast<VarDecl>(reference->getDecl());
  if (variable == nullptr || !variable->hasGlobalStorage()) {
    return true;
  }
  const Place place = syntax_.place(reference->getLocation());
  const bool writes = written_.contains(reference);
  unit_.variable_accesses.push_back({syntax_.id(variable), function_id_, place, writes});
  const clang::RecordDecl* record = syntax_.record_of(variable->getType());
  if (record == nullptr || writes || table_bases_.contains(reference)) {
    return true;
  }
  if (const std::string table = table_of(syntax_.record_name(record)); !table.empty()) {
    Fact& fact = add(kind::service_use, reference->getLocation());
    fact.detail["table"] = table;
    fact.detail["service"] = "";
    fact.detail["through"] = variable->getNameAsString();
    fact.detail["through_kind"] = syntax_.storage(variable).kind;
    fact.detail["called"] = false;
  }
  return true;
}

bool SyntaxFinder::VisitGCCAsmStmt(clang::GCCAsmStmt* statement) {
  inline_assembly(statement->getAsmString()->getString().str(), statement->getAsmLoc());
  return true;
}

bool SyntaxFinder::VisitMSAsmStmt(clang::MSAsmStmt* statement) {
  inline_assembly(statement->getAsmString().str(), statement->getAsmLoc());
  return true;
}

Fact& SyntaxFinder::add(const char* kind, clang::SourceLocation location) {
  if (!request_.wants(kind)) {
    unwanted_ = Fact();
    return unwanted_;
  }
  Fact fact;
  fact.kind = kind;
  fact.place = syntax_.place(location);
  fact.function_id = function_id_;
  unit_.facts.push_back(std::move(fact));
  return unit_.facts.back();
}

void SyntaxFinder::service_use(const MemberExpr* member, const std::string& table, const std::string& service) {
  const Storage base = syntax_.storage(member->getBase(), function_id_);
  Fact& fact = add(kind::service_use, member->getMemberLoc());
  fact.detail["table"] = table;
  fact.detail["service"] = service;
  fact.detail["through"] = syntax_.text(member->getBase());
  fact.detail["through_kind"] = through_kind(base, member);
  const auto called = called_members_.find(member);
  fact.detail["called"] = called != called_members_.end();
  if (called != called_members_.end()) {
    fact.detail["call"] = syntax_.call(called->second);
  }
}

void SyntaxFinder::register_function(const CallExpr* call, const Expr* function, const char* phase,
                                     const std::string& registration, const Expr* guid) {
  if (function == nullptr ||
      function->isNullPointerConstant(syntax_.context(), Expr::NPC_ValueDependentIsNotNull) != Expr::NPCK_NotNull) {
    return;
  }
  mark_seen(function);
  const std::vector<std::string> targets = nodes(function);
  for (const std::string& target : targets) {
    unit_.roots.push_back({phase, target});
  }
  Fact& fact = add(kind::handler, call->getBeginLoc());
  fact.detail["registration"] = registration;
  fact.detail["phase"] = phase;
  if (guid != nullptr) {
    fact.detail["guid"] = syntax_.guid(guid);
  }
  fact.detail["through"] = syntax_.text(call->getCallee());
  if (!targets.empty()) {
    fact.target = targets.front();
  }
}

void SyntaxFinder::inline_assembly(const std::string& text, clang::SourceLocation location) {
  for (const PrivilegedInstruction& found : privileged_instructions(text)) {
    Fact& fact = add(kind::privileged, location);
    fact.detail["category"] = found.category;
    fact.detail["form"] = "inline_assembly";
    fact.detail["what"] = found.text;
  }
}

void find_syntax_facts(const Syntax& syntax, const Request& request, UnitSummary& unit) {
  SyntaxFinder(syntax, request, unit).TraverseDecl(syntax.context().getTranslationUnitDecl());
}

}  // namespace redoubt::tool::port
