// SPDX-License-Identifier: BSD-2-Clause-Patent
// Calls of services and of libraries' functions.

#include "tool/port/source_facts/kinds.hpp"
#include "tool/port/source_facts/known_functions.hpp"
#include "tool/port/source_facts/service_tables.hpp"
#include "tool/port/source_facts/syntax_finder.hpp"

namespace redoubt::tool::port {

using clang::CallExpr;
using clang::Expr;
using clang::FunctionDecl;
using clang::MemberExpr;

const Expr* SyntaxFinder::argument(const CallExpr* call, int index) {
  return index >= 0 && static_cast<unsigned>(index) < call->getNumArgs() ? call->getArg(static_cast<unsigned>(index))
                                                                         : nullptr;
}

void SyntaxFinder::direct_call(const CallExpr* call, const FunctionDecl* function) {
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

void SyntaxFinder::library_call(const CallExpr* call, const std::string& name) {
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

void SyntaxFinder::configuration_table_search(const CallExpr* call) {
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

void SyntaxFinder::event_fact(const CallExpr* call, const std::string& operation, const std::string& service,
                              const Expr* guid) {
  Fact& fact = add(kind::event, call->getBeginLoc());
  fact.detail["operation"] = operation;
  fact.detail["service"] = service;
  if (guid != nullptr) {
    fact.detail["guid"] = syntax_.guid(guid);
  }
}

void SyntaxFinder::memory_fact(const CallExpr* call, const std::string& owner, const std::string& service, bool frees,
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

void SyntaxFinder::member_call(const CallExpr* call, const MemberExpr* member) {
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

void SyntaxFinder::hand_out(const CallExpr* call, const Expr* function, const std::string& member,
                            const std::string& record) {
  const bool is_dispatch = member == "Register";
  register_function(call, function, is_dispatch ? "dispatch" : "callback", is_dispatch ? "dispatch" : "callback",
                    nullptr);
  if (request_.wants(kind::handler) && !record.empty()) {
    unit_.facts.back().detail["record"] = record;
  }
}

void SyntaxFinder::untyped_call(const CallExpr* call, const Expr* callee) {
  const std::string text = syntax_.text(callee);
  const std::size_t arrow = text.rfind("->");
  const std::string member = arrow == std::string::npos ? std::string() : text.substr(arrow + 2);
  for (const Expr* value : call->arguments()) {
    if (Syntax::named_function(value) != nullptr) {
      hand_out(call, value, member, {});
    }
  }
}

void SyntaxFinder::service_call(const CallExpr* call, const std::string& table, const std::string& name) {
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

void SyntaxFinder::boot_service_call(const CallExpr* call, const std::string& service) {
  if (service == "CreateEvent" || service == "CreateEventEx") {
    const Expr* group = service == "CreateEventEx" ? argument(call, 4) : nullptr;
    register_function(call, argument(call, 2), "dxe_event", "event", group);
    event_fact(call, "create", service, group);
    if (request_.wants(kind::event) && call->getNumArgs() > 0) {
      unit_.facts.back().detail["type"] = syntax_.text(call->getArg(0));
    }
  } else if (service == "RegisterProtocolNotify") {
    event_fact(call, "protocol_notify", service, argument(call, 0));
  } else if (service == "SignalEvent" || service == "CloseEvent" || service == "SetTimer" || service == "CheckEvent" ||
             service == "WaitForEvent") {
    event_fact(call,
               service == "SignalEvent"  ? "signal"
               : service == "CloseEvent" ? "close"
                                         : "wait",
               service, nullptr);
  }
}

void SyntaxFinder::protocol_call(const CallExpr* call, const std::string& table, const std::string& name,
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

void SyntaxFinder::protocol_installed(const CallExpr* call, const std::string& database, const std::string& name,
                                      const Expr* guid, const Expr* interface) {
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

void SyntaxFinder::memory_service_call(const CallExpr* call, const std::string& table, const std::string& name,
                                       const std::string& service) {
  if (service == "AllocatePool" && call->getNumArgs() == 3) {
    memory_fact(call, table, name, false, syntax_.text(call->getArg(0)), 2, 0);
  } else if (service == "AllocatePages" && call->getNumArgs() == 4) {
    memory_fact(call, table, name, false, syntax_.text(call->getArg(1)), 3, 0);
  } else if (service == "FreePool" || service == "FreePages") {
    memory_fact(call, table, name, true, {}, -1, 0);
  }
}

}  // namespace redoubt::tool::port
