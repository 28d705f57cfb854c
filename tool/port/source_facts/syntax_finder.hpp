// SPDX-License-Identifier: BSD-2-Clause-Patent
// One walk through a unit's syntax tree, which finds what can be read off it: uses of services, values that are stored,
// and calls.
#pragma once

#include <clang/AST/RecursiveASTVisitor.h>
#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/DenseSet.h>

#include <map>
#include <string>
#include <vector>

#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/syntax.hpp"

namespace redoubt::tool::port {

class SyntaxFinder : public clang::RecursiveASTVisitor<SyntaxFinder> {
 public:
  SyntaxFinder(const Syntax& syntax, const Request& request, UnitSummary& unit)
      : syntax_(syntax), request_(request), unit_(unit) {}

  // ---- where we are ----

  bool TraverseFunctionDecl(clang::FunctionDecl* function);
  // sizeof and its like don't compute what they are given.
  bool TraverseUnaryExprOrTypeTraitExpr(clang::UnaryExprOrTypeTraitExpr*) { return true; }

  // ---- what is declared ----

  bool VisitVarDecl(clang::VarDecl* variable);
  // Only the form in which every element stands where its member is.
  bool TraverseInitListExpr(clang::InitListExpr* list, DataRecursionQueue* queue = nullptr);
  bool VisitInitListExpr(clang::InitListExpr* list);

  // ---- what is done ----

  bool VisitBinaryOperator(clang::BinaryOperator* operation);
  bool VisitUnaryOperator(clang::UnaryOperator* operation);
  bool VisitReturnStmt(clang::ReturnStmt* statement);
  bool VisitCallExpr(clang::CallExpr* call);
  bool VisitMemberExpr(clang::MemberExpr* member);
  bool VisitDeclRefExpr(clang::DeclRefExpr* reference);
  bool VisitGCCAsmStmt(clang::GCCAsmStmt* statement);
  bool VisitMSAsmStmt(clang::MSAsmStmt* statement);

 private:
  // ---- the call graph ----

  std::string here() const { return function_id_.empty() ? std::string() : "function:" + function_id_; }
  static std::string parameter_node(const std::string& function, unsigned index);
  std::string member_node(const clang::FieldDecl* field);
  void mark_enclosing_records(const clang::MemberExpr* member);
  /// What an expression that may lead to functions is in the call graph.
  std::vector<std::string> nodes(const clang::Expr* expression);
  bool leads_to_functions(const clang::Expr* value, clang::QualType destination) const;
  void mark_seen(const clang::Expr* expression);
  void store_function(const std::string& node, const clang::Expr* value, clang::QualType destination);

  // ---- values that are stored ----

  void store(const Storage& destination, clang::QualType type, const clang::Expr* value);
  /// What is copied out of a local variable into something that lasts.
  void note_copy(const clang::Expr* value, const Storage& destination);
  void follow_copies(std::size_t first_fact);
  void mark_written(const clang::Expr* lvalue);
  /// Members that hold pointers count like variables: whether a handler uses what initialization has stored there.
  void note_member_read(const clang::MemberExpr* member, const clang::FieldDecl* field);

  // ---- facts ----

  Fact& add(const char* kind, clang::SourceLocation location);
  void service_use(const clang::MemberExpr* member, const std::string& table, const std::string& service);
  static const clang::Expr* argument(const clang::CallExpr* call, int index);
  /// A function is handed to code that calls it later: one fact, and one root of a phase for each node.
  void register_function(const clang::CallExpr* call, const clang::Expr* function, const char* phase,
                         const std::string& registration, const clang::Expr* guid);
  void direct_call(const clang::CallExpr* call, const clang::FunctionDecl* function);
  void library_call(const clang::CallExpr* call, const std::string& name);
  /// CompareGuid(&gFooGuid, &gST->ConfigurationTable[Index].VendorGuid)
  void configuration_table_search(const clang::CallExpr* call);
  void event_fact(const clang::CallExpr* call, const std::string& operation, const std::string& service,
                  const clang::Expr* guid);
  void memory_fact(const clang::CallExpr* call, const std::string& owner, const std::string& service, bool frees,
                   const std::string& memory_type, int out, int freed);
  void member_call(const clang::CallExpr* call, const clang::MemberExpr* member);
  /// A function is an argument of a call through a pointer: a dispatch protocol's Register(), or something unknown.
  void hand_out(const clang::CallExpr* call, const clang::Expr* function, const std::string& member,
                const std::string& record);
  /// A call through an expression without a type, because a header is missing, or through a variable.
  void untyped_call(const clang::CallExpr* call, const clang::Expr* callee);
  void service_call(const clang::CallExpr* call, const std::string& table, const std::string& name);
  void boot_service_call(const clang::CallExpr* call, const std::string& service);
  void protocol_call(const clang::CallExpr* call, const std::string& table, const std::string& name,
                     const std::string& service);
  void protocol_installed(const clang::CallExpr* call, const std::string& database, const std::string& name,
                          const clang::Expr* guid, const clang::Expr* interface);
  void memory_service_call(const clang::CallExpr* call, const std::string& table, const std::string& name,
                           const std::string& service);
  void inline_assembly(const std::string& text, clang::SourceLocation location);

  const Syntax& syntax_;
  const Request& request_;
  UnitSummary& unit_;
  const clang::FunctionDecl* function_ = nullptr;
  std::string function_id_;
  Fact unwanted_;
  llvm::DenseSet<const clang::DeclRefExpr*> written_;
  llvm::DenseSet<const clang::MemberExpr*> written_members_;
  llvm::DenseSet<const clang::DeclRefExpr*> seen_functions_;
  llvm::DenseSet<const clang::DeclRefExpr*> table_bases_;
  llvm::DenseMap<const clang::MemberExpr*, const clang::CallExpr*> called_members_;
  llvm::DenseMap<const clang::CallExpr*, Storage> kept_result_;
  std::map<std::string, std::vector<Storage>> copies_;
};

}  // namespace redoubt::tool::port
