// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/syntax_facts.hpp"

#include <clang/AST/RecursiveASTVisitor.h>
#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/DenseSet.h>

#include <algorithm>

#include "tool/port/source_facts/assembly_scan.hpp"
#include "tool/port/source_facts/kinds.hpp"
#include "tool/port/source_facts/known_functions.hpp"

namespace redoubt::tool::port {
namespace {

using clang::CallExpr;
using clang::DeclRefExpr;
using clang::Expr;
using clang::FunctionDecl;
using clang::MemberExpr;
using clang::VarDecl;

constexpr const char* mm_table = "mm_system_table";
constexpr const char* boot_table = "boot_services";

/// The table of services that a record is, in the words of facts.md; "" for another record.
std::string table_of(const std::string& record) {
  static const std::pair<const char*, const char*> tables[] = {
      {"EFI_BOOT_SERVICES", boot_table},    {"EFI_RUNTIME_SERVICES", "runtime_services"},
      {"EFI_DXE_SERVICES", "dxe_services"}, {"DXE_SERVICES", "dxe_services"},
      {"EFI_SYSTEM_TABLE", "system_table"}, {"EFI_MM_SYSTEM_TABLE", mm_table},
      {"EFI_SMM_SYSTEM_TABLE2", mm_table},  {"EFI_SMM_SYSTEM_TABLE", mm_table},
  };
  for (const auto& [name, table] : tables) {
    if (record == name) {
      return table;
    }
  }
  return {};
}

/// The services of the MM table have two sets of names, of which this is the part that both share.
std::string shared_name(const std::string& table, const std::string& service) {
  if (table != mm_table) {
    return service;
  }
  for (const char* prefix : {"Smm", "Mm"}) {
    if (service.starts_with(prefix) && !service.starts_with("Mmi")) {
      return service.substr(std::char_traits<char>::length(prefix));
    }
  }
  return service.starts_with("Smi") ? "Mmi" + service.substr(3) : service;
}

/// The core calls its own services by the names that they have in the table.
bool is_core_service(const std::string& function) {
  static constexpr const char* services[] = {"MmiHandlerRegister",
                                             "RegisterProtocolNotify",
                                             "InstallProtocolInterface",
                                             "LocateProtocol",
                                             "HandleProtocol",
                                             "LocateHandle",
                                             "AllocatePool",
                                             "AllocatePages",
                                             "FreePool",
                                             "FreePages",
                                             "InstallConfigurationTable"};
  const std::string shared = shared_name(mm_table, function);
  return (shared != function || function == "MmiHandlerRegister") &&
         std::ranges::any_of(services, [&](const char* service) { return shared == service; });
}

std::string through_kind(const Storage& base, const MemberExpr* member) {
  if (llvm::isa<MemberExpr>(member->getBase()->IgnoreParenCasts())) {
    return "member";
  }
  return base.kind;
}

class Finder : public clang::RecursiveASTVisitor<Finder> {
 public:
  Finder(const Syntax& syntax, const Request& request, UnitSummary& unit)
      : syntax_(syntax), request_(request), unit_(unit) {}

  // ---- where we are ----

  bool TraverseFunctionDecl(FunctionDecl* function) {
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

  // sizeof and its like don't compute what they are given.
  bool TraverseUnaryExprOrTypeTraitExpr(clang::UnaryExprOrTypeTraitExpr*) { return true; }

  // ---- what is declared ----

  bool VisitVarDecl(VarDecl* variable) {
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

  // Only the form in which every element stands where its member is.
  bool TraverseInitListExpr(clang::InitListExpr* list, DataRecursionQueue* queue = nullptr) {
    clang::InitListExpr* semantic = list->getSemanticForm() != nullptr ? list->getSemanticForm() : list;
    return TraverseSynOrSemInitListExpr(semantic, queue);
  }

  bool VisitInitListExpr(clang::InitListExpr* list) {
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

  // ---- what is done ----

  bool VisitBinaryOperator(clang::BinaryOperator* operation) {
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

  bool VisitUnaryOperator(clang::UnaryOperator* operation) {
    if (operation->isIncrementDecrementOp() || operation->getOpcode() == clang::UO_AddrOf) {
      mark_written(operation->getSubExpr());
    }
    return true;
  }

  bool VisitReturnStmt(clang::ReturnStmt* statement) {
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

  bool VisitCallExpr(CallExpr* call) {
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

  bool VisitMemberExpr(MemberExpr* member) {
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

  bool VisitDeclRefExpr(DeclRefExpr* reference) {
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

  bool VisitGCCAsmStmt(clang::GCCAsmStmt* statement) {
    inline_assembly(statement->getAsmString()->getString().str(), statement->getAsmLoc());
    return true;
  }

  bool VisitMSAsmStmt(clang::MSAsmStmt* statement) {
    inline_assembly(statement->getAsmString().str(), statement->getAsmLoc());
    return true;
  }

 private:
  // ---- the call graph ----

  std::string here() const { return function_id_.empty() ? std::string() : "function:" + function_id_; }

  static std::string parameter_node(const std::string& function, unsigned index) {
    return "parameter:" + function + ":" + std::to_string(index);
  }

  std::string member_node(const clang::FieldDecl* field) {
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

  void mark_enclosing_records(const MemberExpr* member) {
    while (member != nullptr) {
      if (const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl())) {
        member_node(field);
      }
      member = member->isArrow() ? nullptr : llvm::dyn_cast<MemberExpr>(member->getBase()->IgnoreParenCasts());
    }
  }

  /// What an expression that may lead to functions is in the call graph.
  std::vector<std::string> nodes(const Expr* expression) {
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

  bool leads_to_functions(const Expr* value, clang::QualType destination) const {
    return Syntax::named_function(value) != nullptr || value->getType()->isFunctionPointerType() ||
           (!destination.isNull() && destination->isFunctionPointerType());
  }

  void mark_seen(const Expr* expression) {
    if (const auto* reference = llvm::dyn_cast_or_null<DeclRefExpr>(Syntax::bare(expression))) {
      seen_functions_.insert(reference);
    } else if (const auto* choice = llvm::dyn_cast_or_null<clang::ConditionalOperator>(Syntax::bare(expression))) {
      mark_seen(choice->getTrueExpr());
      mark_seen(choice->getFalseExpr());
    }
  }

  void store_function(const std::string& node, const Expr* value, clang::QualType destination) {
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

  // ---- values that are stored ----

  void store(const Storage& destination, clang::QualType type, const Expr* value) {
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

  /// What is copied out of a local variable into something that lasts.
  void note_copy(const Expr* value, const Storage& destination) {
    const auto* reference = llvm::dyn_cast<DeclRefExpr>(value->IgnoreParenCasts());
    const auto* variable = reference != nullptr ? llvm::dyn_cast<VarDecl>(reference->getDecl()) : nullptr;
    if (variable != nullptr && variable->isLocalVarDeclOrParm() && !variable->isStaticLocal()) {
      copies_[syntax_.id(variable)].push_back(destination);
    }
  }

  void follow_copies(std::size_t first_fact) {
    for (std::size_t at = first_fact; at < unit_.facts.size(); ++at) {
      Fact& fact = unit_.facts[at];
      if (fact.kept.size() == 1 && fact.kept[0].kind == "local") {
        const std::vector<Storage>& copies = copies_[fact.kept[0].id];
        fact.kept.insert(fact.kept.end(), copies.begin(), copies.end());
      }
    }
    copies_.clear();
  }

  void mark_written(const Expr* lvalue) {
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

  /// Members that hold pointers count like variables: whether a handler uses what initialization has stored there.
  void note_member_read(const MemberExpr* member, const clang::FieldDecl* field) {
    if (field->getType()->isPointerType() || syntax_.holds_address(field->getType())) {
      unit_.variable_accesses.push_back(
          {syntax_.id(field), function_id_, syntax_.place(member->getMemberLoc()), written_members_.contains(member)});
    }
  }

  // ---- facts ----

  Fact& add(const char* kind, clang::SourceLocation location) {
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

  void service_use(const MemberExpr* member, const std::string& table, const std::string& service) {
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

  static const Expr* argument(const CallExpr* call, int index) {
    return index >= 0 && static_cast<unsigned>(index) < call->getNumArgs() ? call->getArg(static_cast<unsigned>(index))
                                                                           : nullptr;
  }

  /// A function is handed to code that calls it later: one fact, and one root of a phase for each node.
  void register_function(const CallExpr* call, const Expr* function, const char* phase, const std::string& registration,
                         const Expr* guid) {
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

  void direct_call(const CallExpr* call, const FunctionDecl* function) {
    const std::string callee = syntax_.id(function);
    const std::string name = function->getNameAsString();
    unit_.edges.insert({here(), "function:" + callee});
    unit_.calls.push_back({callee, name, function_id_, syntax_.place(call->getBeginLoc()),
                           function->isImplicit() ? "" : syntax_.place(function->getLocation()).file});
    library_call(call, name);
    if (is_core_service(name)) {
      service_call(call, mm_table, name);
    }
    for (unsigned index = 0; index < call->getNumArgs(); ++index) {
      const Expr* value = call->getArg(index);
      const clang::QualType expected =
          index < function->getNumParams() ? function->getParamDecl(index)->getType() : clang::QualType();
      store_function(parameter_node(callee, index), value, expected);
      // Code that gets a record can call what is stored in it.
      const clang::RecordDecl* record = syntax_.record_of(value->IgnoreParenCasts()->getType());
      if (record != nullptr) {
        unit_.edges.insert({parameter_node(callee, index), "record:" + syntax_.record_name(record)});
      }
    }
  }

  void library_call(const CallExpr* call, const std::string& name) {
    if (const std::string_view kind = privileged_call(name); !kind.empty()) {
      Fact& fact = add(kind::privileged, call->getBeginLoc());
      fact.detail["category"] = kind;
      fact.detail["form"] = "call";
      fact.detail["what"] = name;
      if (call->getNumArgs() > 0) {
        fact.detail["argument"] = syntax_.text(call->getArg(0));
      }
    }
    if (const auto memory = memory_call(name)) {
      memory_fact(call, "library", name, memory->frees, std::string(memory->memory_type), -1, 0);
    }
    if (const auto event = event_call(name)) {
      const Expr* guid = argument(call, event->guid);
      register_function(call, argument(call, event->function), "dxe_event", "event", guid);
      event_fact(call, std::string(event->operation), name, guid);
    }
    if (is_save_state_call(name)) {
      Fact& fact = add(kind::save_state, call->getBeginLoc());
      fact.detail["access"] = name;
      fact.detail["expression"] = syntax_.text(call);
    }
    if (name == "EfiGetSystemConfigurationTable" && call->getNumArgs() == 2) {
      Fact& fact = add(kind::configuration_table, call->getBeginLoc());
      fact.detail["operation"] = "lookup";
      fact.detail["guid"] = syntax_.guid(call->getArg(0));
      fact.kept.push_back(syntax_.stored_through(call->getArg(1), function_id_));
    }
    if (name == "CompareGuid" && call->getNumArgs() == 2) {
      configuration_table_search(call);
    }
  }

  /// CompareGuid(&gFooGuid, &gST->ConfigurationTable[Index].VendorGuid)
  void configuration_table_search(const CallExpr* call) {
    for (unsigned index : {0U, 1U}) {
      const Expr* side = call->getArg(index)->IgnoreParenCasts();
      if (const auto* address = llvm::dyn_cast<clang::UnaryOperator>(side)) {
        side = address->getSubExpr()->IgnoreParenCasts();
      }
      const auto* member = llvm::dyn_cast<MemberExpr>(side);
      const auto* field = member != nullptr ? llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl()) : nullptr;
      if (field != nullptr && syntax_.id(field) == "EFI_CONFIGURATION_TABLE.VendorGuid") {
        Fact& fact = add(kind::configuration_table, call->getBeginLoc());
        fact.detail["operation"] = "search";
        fact.detail["guid"] = syntax_.guid(call->getArg(1 - index));
      }
    }
  }

  void event_fact(const CallExpr* call, const std::string& operation, const std::string& service, const Expr* guid) {
    Fact& fact = add(kind::event, call->getBeginLoc());
    fact.detail["operation"] = operation;
    fact.detail["service"] = service;
    if (guid != nullptr) {
      fact.detail["guid"] = syntax_.guid(guid);
    }
  }

  void memory_fact(const CallExpr* call, const std::string& owner, const std::string& service, bool frees,
                   const std::string& memory_type, int out, int freed) {
    Fact& fact = add(kind::memory, call->getBeginLoc());
    fact.detail["operation"] = frees ? "free" : "allocate";
    fact.detail["owner"] = owner;
    fact.detail["service"] = service;
    if (!memory_type.empty()) {
      fact.detail["memory_type"] = memory_type;
    }
    if (frees) {
      if (const Expr* buffer = argument(call, freed)) {
        fact.kept.push_back(syntax_.storage(buffer, function_id_));
      }
    } else if (const Expr* buffer = argument(call, out)) {
      fact.kept.push_back(syntax_.stored_through(buffer, function_id_));
    } else if (const auto kept = kept_result_.find(call); kept != kept_result_.end()) {
      fact.kept.push_back(kept->second);
    }
  }

  void member_call(const CallExpr* call, const MemberExpr* member) {
    const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
    if (field == nullptr) {
      return;
    }
    const std::string record = syntax_.record_name(field->getParent());
    const std::string name = field->getNameAsString();
    const std::string table = table_of(record);
    if (!table.empty()) {
      service_call(call, table, name);
    } else {
      unit_.edges.insert({here(), member_node(field)});
      for (const Expr* value : call->arguments()) {
        if (Syntax::named_function(value) != nullptr) {
          hand_out(call, value, name, record);
        }
      }
    }
  }

  /// A function is an argument of a call through a pointer: a dispatch protocol's Register(), or something unknown.
  void hand_out(const CallExpr* call, const Expr* function, const std::string& member, const std::string& record) {
    const bool is_dispatch = member == "Register";
    register_function(call, function, is_dispatch ? "dispatch" : "callback", is_dispatch ? "dispatch" : "callback",
                      nullptr);
    if (request_.wants(kind::handler) && !record.empty()) {
      unit_.facts.back().detail["record"] = record;
    }
  }

  /// A call through an expression without a type, because a header is missing, or through a variable.
  void untyped_call(const CallExpr* call, const Expr* callee) {
    const std::string text = syntax_.text(callee);
    const std::size_t arrow = text.rfind("->");
    const std::string member = arrow == std::string::npos ? std::string() : text.substr(arrow + 2);
    for (const Expr* value : call->arguments()) {
      if (Syntax::named_function(value) != nullptr) {
        hand_out(call, value, member, {});
      }
    }
  }

  void service_call(const CallExpr* call, const std::string& table, const std::string& name) {
    const std::string service = shared_name(table, name);
    const bool is_mm = table == mm_table;
    if (is_mm && service == "MmiHandlerRegister") {
      register_function(call, argument(call, 0), "handler", "mmi", argument(call, 1));
    } else if (is_mm && service == "RegisterProtocolNotify") {
      register_function(call, argument(call, 1), "notification", "notification", argument(call, 0));
    } else if (is_mm && service == "StartupThisAp") {
      if (const Expr* procedure = argument(call, 0)) {
        mark_seen(procedure);
        for (const std::string& node : nodes(procedure)) {
          unit_.edges.insert({here(), node});
        }
      }
    }
    if (table == boot_table) {
      boot_service_call(call, service);
    }
    if (is_mm || table == boot_table) {
      protocol_call(call, table, name, service);
      memory_service_call(call, table, name, service);
      if (service == "InstallConfigurationTable") {
        Fact& fact = add(kind::configuration_table, call->getBeginLoc());
        fact.detail["operation"] = is_mm ? "install_mm" : "install";
        if (const Expr* guid = argument(call, is_mm ? 1 : 0)) {
          fact.detail["guid"] = syntax_.guid(guid);
        }
      }
    }
  }

  void boot_service_call(const CallExpr* call, const std::string& service) {
    if (service == "CreateEvent" || service == "CreateEventEx") {
      const Expr* group = service == "CreateEventEx" ? argument(call, 4) : nullptr;
      register_function(call, argument(call, 2), "dxe_event", "event", group);
      event_fact(call, "create", service, group);
      if (request_.wants(kind::event) && call->getNumArgs() > 0) {
        unit_.facts.back().detail["type"] = syntax_.text(call->getArg(0));
      }
    } else if (service == "RegisterProtocolNotify") {
      event_fact(call, "protocol_notify", service, argument(call, 0));
    } else if (service == "SignalEvent" || service == "CloseEvent" || service == "SetTimer" ||
               service == "CheckEvent" || service == "WaitForEvent") {
      event_fact(call,
                 service == "SignalEvent"  ? "signal"
                 : service == "CloseEvent" ? "close"
                                           : "wait",
                 service, nullptr);
    }
  }

  void protocol_call(const CallExpr* call, const std::string& table, const std::string& name,
                     const std::string& service) {
    const char* database = table == mm_table ? "mm" : "dxe";
    struct Locating {
      const char* service;
      int guid;
      int interface;
    };
    static constexpr Locating locating[] = {{"LocateProtocol", 0, 2},
                                            {"HandleProtocol", 1, 2},
                                            {"OpenProtocol", 1, 2},
                                            {"LocateHandleBuffer", 1, 4},
                                            {"LocateHandle", 1, 4}};
    for (const Locating& each : locating) {
      if (service != each.service || argument(call, each.interface) == nullptr) {
        continue;
      }
      Fact& fact = add(kind::protocol_located, call->getBeginLoc());
      fact.detail["database"] = database;
      fact.detail["service"] = name;
      fact.detail["guid"] = syntax_.guid(argument(call, each.guid));
      fact.kept.push_back(syntax_.stored_through(argument(call, each.interface), function_id_));
    }
    if (service == "InstallProtocolInterface" && call->getNumArgs() == 4) {
      protocol_installed(call, database, name, argument(call, 1), argument(call, 3));
    } else if (service == "ReinstallProtocolInterface" && call->getNumArgs() == 4) {
      protocol_installed(call, database, name, argument(call, 1), argument(call, 3));
    } else if (service == "InstallMultipleProtocolInterfaces") {
      for (unsigned index = 1; index + 1 < call->getNumArgs(); index += 2) {
        protocol_installed(call, database, name, call->getArg(index), call->getArg(index + 1));
      }
    }
  }

  void protocol_installed(const CallExpr* call, const std::string& database, const std::string& name, const Expr* guid,
                          const Expr* interface) {
    const char* phase = database == "mm" ? "protocol" : "dxe_protocol";
    const clang::RecordDecl* record = syntax_.record_of(interface->IgnoreParenCasts()->getType());
    if (record != nullptr) {
      unit_.roots.push_back({phase, "record:" + syntax_.record_name(record)});
    }
    Fact& fact = add(kind::protocol_installed, call->getBeginLoc());
    fact.detail["database"] = database;
    fact.detail["service"] = name;
    fact.detail["guid"] = syntax_.guid(guid);
    fact.detail["interface"] =
        interface->isNullPointerConstant(syntax_.context(), Expr::NPC_ValueDependentIsNotNull) != Expr::NPCK_NotNull
            ? ""
            : syntax_.text(interface);
    if (record != nullptr) {
      fact.detail["record"] = syntax_.record_name(record);
    }
  }

  void memory_service_call(const CallExpr* call, const std::string& table, const std::string& name,
                           const std::string& service) {
    if (service == "AllocatePool" && call->getNumArgs() == 3) {
      memory_fact(call, table, name, false, syntax_.text(call->getArg(0)), 2, 0);
    } else if (service == "AllocatePages" && call->getNumArgs() == 4) {
      memory_fact(call, table, name, false, syntax_.text(call->getArg(1)), 3, 0);
    } else if (service == "FreePool" || service == "FreePages") {
      memory_fact(call, table, name, true, {}, -1, 0);
    }
  }

  void inline_assembly(const std::string& text, clang::SourceLocation location) {
    for (const PrivilegedInstruction& found : privileged_instructions(text)) {
      Fact& fact = add(kind::privileged, location);
      fact.detail["category"] = found.category;
      fact.detail["form"] = "inline_assembly";
      fact.detail["what"] = found.text;
    }
  }

  const Syntax& syntax_;
  const Request& request_;
  UnitSummary& unit_;
  const FunctionDecl* function_ = nullptr;
  std::string function_id_;
  Fact unwanted_;
  llvm::DenseSet<const DeclRefExpr*> written_;
  llvm::DenseSet<const MemberExpr*> written_members_;
  llvm::DenseSet<const DeclRefExpr*> seen_functions_;
  llvm::DenseSet<const DeclRefExpr*> table_bases_;
  llvm::DenseMap<const MemberExpr*, const CallExpr*> called_members_;
  llvm::DenseMap<const CallExpr*, Storage> kept_result_;
  std::map<std::string, std::vector<Storage>> copies_;
};

}  // namespace

void find_syntax_facts(const Syntax& syntax, const Request& request, UnitSummary& unit) {
  Finder(syntax, request, unit).TraverseDecl(syntax.context().getTranslationUnitDecl());
}

}  // namespace redoubt::tool::port
