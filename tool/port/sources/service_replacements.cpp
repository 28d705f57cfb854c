// SPDX-License-Identifier: BSD-2-Clause-Patent
// Calls of DXE's services that a library of both models can take the place of.
#include <algorithm>
#include <format>

#include "tool/port/metadata/text.hpp"
#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

std::vector<std::string> SourcePlanner::arguments_of(const Source& source, const Json& call) const {
  std::vector<std::string> result;
  for (const Json& argument : list_in(call, "arguments")) {
    result.push_back(source.text.at(argument).value_or(""));
  }
  return std::ranges::contains(result, std::string()) ? std::vector<std::string>() : result;
}

std::string SourcePlanner::pointee(const std::string& argument) {
  std::string_view text = trim(argument);
  while (text.starts_with('(')) {
    const std::size_t close = text.find(')');
    if (close == std::string_view::npos || !text.substr(0, close).contains('*')) {
      break;
    }
    text = trim(text.substr(close + 1));
  }
  return text.starts_with('&') ? std::string(trim(text.substr(1))) : std::format("*({})", text);
}

std::string SourcePlanner::indentation(const Source& source, const Json& statement) const {
  const auto column = statement[1].get<std::size_t>();
  return line_end_of(source.text.original()) + std::string(column - 1, ' ');
}

bool SourcePlanner::replace_statement(Source& source, const Json& call, const std::string& statement,
                                      const std::string& status, const char* step, const std::string& subject,
                                      const std::string& reason) {
  const std::string use = text_in(call, "use");
  if (!call.contains("statement") || call["statement"].is_null()) {
    return false;
  }
  std::string text = statement;
  if (use == "assigned") {
    const auto target = source.text.at(call["assigned_to"]);
    if (!target.has_value()) {
      return false;
    }
    text += ";" + indentation(source, call["statement"]) + *target + " = " + status;
  } else if (use == "returned") {
    text += ";" + indentation(source, call["statement"]) + "return " + status;
  }
  return edit(&source, call["statement"], step, subject, reason, text);
}

bool SourcePlanner::replaced(const Json& fact, const std::string& table, const std::string& name,
                             const ServiceRule& rule) {
  const auto call = fact.find("call");
  Source* source = source_of(fact);
  if (table != "boot_services" || source == nullptr || call == fact.end() || !call->is_object()) {
    return false;
  }
  const std::vector<std::string> arguments = arguments_of(*source, *call);
  const std::string subject = "gBS->" + name;
  if (name == "CalculateCrc32" && arguments.size() == 3) {
    // The service refuses these, and the library's function stops at them.
    return replace_statement(
               *source, *call,
               std::format("{} = CalculateCrc32 ({}, {})", pointee(arguments[2]), arguments[0], arguments[1]),
               "EFI_SUCCESS", rule.step.c_str(), subject, rule.candidates.front()) &&
           needs(*source, "BaseLib");
  }
  if ((name == "CopyMem" || name == "SetMem") && arguments.size() == 3 && text_in(*call, "use") == "ignored") {
    return edit(source, (*call)["statement"], rule.step.c_str(), subject, rule.candidates.front(),
                std::format("{} ({}, {}, {})", name, arguments[0], arguments[1], arguments[2])) &&
           needs(*source, "BaseMemoryLib");
  }
  if (name == "Stall" && arguments.size() == 1 && lists_class("TimerLib") && text_in(*call, "use") == "ignored") {
    return edit(source, (*call)["statement"], rule.step.c_str(), subject, rule.candidates.front(),
                std::format("MicroSecondDelay ({})", arguments[0])) &&
           needs(*source, "TimerLib");
  }
  return scratch_memory(fact, *call, *source, name, arguments);
}

bool SourcePlanner::needs(Source& source, const char* library_class) {
  source.needed_headers.insert(std::format("Library/{}.h", library_class));
  if (!lists_class(library_class)) {
    needed_classes_.insert(library_class);
  }
  return true;
}

bool SourcePlanner::scratch_memory(const Json& fact, const Json& call, Source& source, const std::string& name,
                                   const std::vector<std::string>& arguments) {
  const Json* memory = beside(fact, "memory");
  if (memory == nullptr || !lists_class("MemoryAllocationLib")) {
    return false;
  }
  if (name == "FreePool" && arguments.size() == 1) {
    return scratch_.contains(key(text_in(*memory, "file"), memory->at("line"), memory->at("column"))) &&
           text_in(call, "use") == "ignored" &&
           edit(&source, call["statement"], "S15", "gBS->FreePool", "memory that MM alone uses",
                std::format("FreePool ({})", arguments[0]));
  }
  if (name != "AllocatePool" || arguments.size() != 3 || text_in(*memory, "memory_type") != "EfiBootServicesData") {
    return false;
  }
  const Json& kept = list_in(*memory, "kept");
  const Json& freed = list_in(*memory, "freed");
  const bool is_local = kept.size() == 1 && text_in(kept.front(), "kind") == "local" && !freed.empty() &&
                        std::ranges::all_of(freed, [&](const Json& each) {
                          return text_in(each, "function") == text_in(fact, "function");
                        });
  if (!is_local) {
    return false;
  }
  for (const Json& each : freed) {
    scratch_.insert(key(text_in(each, "file"), each["line"], each["column"]));
  }
  const std::string buffer = pointee(arguments[2]);
  return replace_statement(source, call, std::format("{} = AllocatePool ({})", buffer, arguments[1]),
                           std::format("({} == NULL) ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS", buffer), "S15",
                           "gBS->AllocatePool", "memory that MM alone uses") &&
         needs(source, "MemoryAllocationLib");
}

void SourcePlanner::memory_service(const Json& fact) {
  const auto call = fact.find("call");
  Source* source = source_of(fact);
  const Json* memory = beside(fact, "memory");
  if (source == nullptr || memory == nullptr || call == fact.end() || !call->is_object() || in_half(fact) ||
      !lists_class("MemoryAllocationLib") || text_in(fact, "through_kind") != "global") {
    return;
  }
  const std::vector<std::string> arguments = arguments_of(*source, *call);
  const std::string name = text_in(fact, "service");
  const std::string subject = text_in(fact, "through") + "->" + name;
  const std::string reason = "MemoryAllocationLib gives the same memory in both models";
  if (name.ends_with("FreePool") && arguments.size() == 1 && text_in(*call, "use") == "ignored") {
    if (edit(source, (*call)["statement"], "S15", subject, reason, std::format("FreePool ({})", arguments[0]))) {
      needs(*source, "MemoryAllocationLib");
    }
  } else if (name.ends_with("AllocatePool") && arguments.size() == 3 &&
             text_in(*memory, "memory_type") == "EfiRuntimeServicesData") {
    const std::string buffer = pointee(arguments[2]);
    if (replace_statement(*source, *call, std::format("{} = AllocatePool ({})", buffer, arguments[1]),
                          std::format("({} == NULL) ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS", buffer), "S15", subject,
                          reason)) {
      needs(*source, "MemoryAllocationLib");
    }
  }
}

}  // namespace redoubt::port
