// SPDX-License-Identifier: BSD-2-Clause-Patent
// Services of DXE that the sources call: what takes their place, or who decides.
#include <algorithm>
#include <format>

#include "tool/port/plan/evidence.hpp"
#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

void SourcePlanner::services() {
  for (const Json* installed : facts("protocol_installed")) {
    if (text_in(*installed, "database") == "dxe") {
      plan_.installed_in_dxe.insert(text_in(*installed, "guid"));
    }
  }
  for (const Json* fact : facts("service_use")) {
    const std::string table = text_in(*fact, "table");
    if (table == "mm_system_table") {
      memory_service(*fact);
    } else if (in_half(*fact)) {
      // The Traditional half stays as it is; what takes a service's place goes into its counterpart.
      if (!replaced(*fact, table, text_in(*fact, "service"), rules_.service(table, text_in(*fact, "service")))) {
        dxe_functions_[text_in(*fact, "function")].push_back(fact);
      }
    } else {
      service(*fact, table, text_in(*fact, "service"));
    }
  }
}

// What takes the place of an event, first of the candidates; returns what the decision's subject says of it.
std::string SourcePlanner::event_candidates(const Json& event, std::vector<std::string>& candidates) const {
  const std::string guid = text_in(event, "guid");
  const auto group = rules_.event_groups.find(guid);
  if (group != rules_.event_groups.end()) {
    candidates.insert(candidates.begin(), group->second);
  } else if (text_in(event, "type").contains("VIRTUAL_ADDRESS_CHANGE")) {
    candidates = {"leave it out in Standalone MM: there is no virtual address map in MM"};
  } else if (text_in(event, "type").contains("EXIT_BOOT_SERVICES")) {
    candidates.insert(candidates.begin(), rules_.event_groups.at("gEfiEventExitBootServicesGuid"));
  }
  return guid.empty() ? "" : " (" + guid + ")";
}

void SourcePlanner::service(const Json& fact, const std::string& table, const std::string& name) {
  const bool leads_on =
      table == "system_table" && (name == "BootServices" || name == "RuntimeServices") && !fact.value("called", false);
  if (leads_on && std::ranges::any_of(facts("service_use"), [&](const Json* other) {
        return other != &fact && text_in(*other, "file") == text_in(fact, "file") &&
               other->at("line") == fact.at("line");
      })) {
    return;
  }
  const ServiceRule& rule = rules_.service(table, name);
  const Place place = place_of(fact);
  std::string step = rule.step;
  std::string subject = text_in(fact, "through") + (name.empty() ? "" : "->" + name);
  std::vector<std::string> candidates = rule.candidates;
  std::string reason = rule.why;
  std::string pitfall;
  if (const Json* located = beside(fact, "protocol_located")) {
    const std::string guid = text_in(*located, "guid");
    subject += " (" + guid + ")";
    if (located_in_mm(fact, guid, rule)) {
      return;
    }
    plan_.protocol_uses[guid].push_back(place);
    if (const auto dxe = dxe_protocol(workspace_, rules_, guid, inf_.document().name());
        dxe && !dxe->standalone.empty()) {
      candidates.insert(candidates.begin(), std::format("gMmst->MmLocateProtocol (&{}, ...)", dxe->standalone));
    }
    const Json& users = list_in(*located, "used_by_handlers");
    if (!users.empty()) {
      reason += std::format("; the handler's {} uses it, when DXE may be over", text_in(users.front(), "function"));
    }
  }
  if (const Json* installed = beside(fact, "protocol_installed")) {
    subject += " (" + text_in(*installed, "guid") + ")";
    plan_.needs_split = true;
  }
  if (const Json* event = beside(fact, "event")) {
    subject += event_candidates(*event, candidates);
  }
  if (const Json* table_fact = beside(fact, "configuration_table")) {
    subject += " (" + text_in(*table_fact, "guid") + ")";
  }
  if (replaced(fact, table, name, rule)) {
    return;
  }
  if (wrapped(fact, table, name, rule)) {
    return;
  }
  if (is_handler_phase(list_in(fact, "phases"))) {
    reason += "; a handler gets there, when DXE may be over";
  }
  decide(step, place, subject, reason, candidates).pitfall = pitfall;
  dxe_functions_[text_in(fact, "function")].push_back(&fact);
}

bool SourcePlanner::wrapped(const Json& fact, const std::string& table, const std::string& name,
                            const ServiceRule& rule) {
  const ServiceWrapper* wrapper = wrapper_of(table, name);
  const auto call = fact.find("call");
  Source* source = source_of(fact);
  if (wrapper == nullptr || source == nullptr || !source->others.empty() || call == fact.end() || !call->is_object() ||
      text_in(fact, "through") != wrapper->through) {
    return false;
  }
  const bool is_variable = *wrapper->standalone != '\0';
  const std::vector<std::string> arguments = arguments_of(*source, *call);
  const bool fits =
      name != "InstallProtocolInterface" || (arguments.size() == 4 && arguments[2] == "EFI_NATIVE_INTERFACE");
  if (!fits || (is_variable && workspace_.guid(variable_protocol) == nullptr)) {
    return false;
  }
  std::string given;
  for (const int argument : wrapper->arguments) {
    if (argument >= 0 && static_cast<std::size_t>(argument) >= arguments.size()) {
      return false;
    }
    given += argument < 0 ? "" : (given.empty() ? "" : ", ") + arguments[static_cast<std::size_t>(argument)];
  }
  const std::string function = prefix() + wrapper->suffix;
  const Place place = place_of(fact);
  if (!edit(source, (*call)["at"], rule.step.c_str(), std::format("{}->{}", wrapper->through, name), rule.why,
            std::format("{} ({})", function, given))) {
    return false;
  }
  HalfFunction& half = service_functions_.try_emplace(function).first->second;
  half.name = function;
  half.comment = wrapper->comment;
  half.result = "EFI_STATUS";
  half.parameters = wrapper->parameters;
  half.body = wrapper->traditional;
  if (is_variable) {
    half.standalone_body = variable_body(*wrapper);
    plan_.standalone_protocols.insert(variable_protocol);
  } else {
    half.kind = HalfFunction::Kind::traditional;
    decide_on_function(half, rule.step, place, std::format("{} ({}->{})", rule.why, wrapper->through, name),
                       rule.candidates);
  }
  service_headers_.insert(std::string("<Library/") +
                          (table == "dxe_services"    ? "DxeServicesTableLib"
                           : table == "boot_services" ? "UefiBootServicesTableLib"
                                                      : "UefiRuntimeServicesTableLib") +
                          ".h>");
  return true;
}

PlanItem* SourcePlanner::decide_on_function(HalfFunction& half, const std::string& step, const Place& place,
                                            const std::string& reason, std::vector<std::string> candidates) {
  const std::string nothing = "nothing in Standalone MM";
  half.decision = step + " " + half.name;
  half.does_nothing = answer_to(step, half.name) == nothing;
  if (half.does_nothing) {
    add(step.c_str(), Action::edit, place, half.name, "decided: " + nothing, "", nothing);
    return nullptr;
  }
  candidates.insert(candidates.begin(), nothing);
  return &decide(step, place, half.name, reason, candidates);
}

bool SourcePlanner::located_in_mm(const Json& fact, const std::string& guid, const ServiceRule& rule) {
  const auto call = fact.find("call");
  if (!has_common_table() || text_in(fact, "service") != "LocateProtocol" || call == fact.end() || !call->is_object() ||
      dxe_protocol(workspace_, rules_, guid, "").has_value()) {
    return false;
  }
  const auto producers = workspace_.users(guid, Workspace::Usage::produces);
  if (producers.empty() || !std::ranges::all_of(producers, [&](const std::string& path) {
        return runs_in_mm(*workspace_.infs().find(path)->second);
      })) {
    return false;
  }
  Source* source = source_of(fact);
  const Json& at = (*call)["at"];
  const Json& arguments = list_in(*call, "arguments");
  if (source == nullptr || arguments.empty()) {
    return false;
  }
  const Json callee = Json::array({at[0], at[1], arguments[0][0], arguments[0][1]});
  const auto text = source->text.at(callee);
  const std::size_t parenthesis = text.has_value() ? text->find('(') : std::string::npos;
  if (parenthesis == std::string::npos) {
    return false;
  }
  if (!lists_class("SmmServicesTableLib")) {
    needs(*source, "MmServicesTableLib");
  }
  return edit(source, callee, rule.step.c_str(), std::format("gBS->LocateProtocol ({})", guid),
              "MM itself has the protocol: " + producers.front(),
              "gMmst->MmLocateProtocol " + text->substr(parenthesis));
}

void SourcePlanner::tables() {
  for (const Json* fact : facts("table_stored")) {
    if (text_in(*fact, "table") == "mm_system_table" || in_half(*fact)) {
      continue;
    }
    const Json& users = list_in(*fact, "used_by_handlers");
    decide("S11", place_of(*fact), text_in(*fact, "from"),
           "a pointer to DXE's services is kept" +
               (users.empty() ? std::string() : ", and used by " + text_in(users.front(), "function") + " after DXE"),
           {"leave it to the Traditional part"});
  }
}

const ServiceWrapper* SourcePlanner::own_wrapper(const std::string& name) const {
  const std::string module = prefix();
  return name.starts_with(module) ? wrapper_named(std::string_view(name).substr(module.size())) : nullptr;
}

void SourcePlanner::traditional_function(HalfFunction& half, const Place& place, const Json& use) {
  half.kind = HalfFunction::Kind::traditional;
  const bool installs = beside(use, "protocol_installed") != nullptr;
  const std::string step = rules_.service(text_in(use, "table"), text_in(use, "service")).step;
  const std::string reason = std::format(
      "{} ({}->{})", installs ? "it tells DXE, whose database Standalone MM can't change" : "it calls services of DXE",
      text_in(use, "through"), text_in(use, "service"));
  PlanItem* item = decide_on_function(half, step, place, reason,
                                      rules_.service(text_in(use, "table"), text_in(use, "service")).candidates);
  if (item == nullptr) {
    return;
  }
  item->pitfall = installs ? "" : "P3";
  plan_.needs_split = plan_.needs_split || installs;
}

}  // namespace redoubt::port
