// SPDX-License-Identifier: BSD-2-Clause-Patent
// Checks of messages' buffers, which differ between the models.
#include <format>

#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

void SourcePlanner::checks() {
  for (const Json* fact : facts("buffer_check")) {
    const std::string check = text_in(*fact, "check");
    if (in_half(*fact) || !check.contains("IsBufferOutside")) {
      if (!in_half(*fact) && check.starts_with("Smm")) {
        decide("S9", place_of(*fact), check, "SmmMemLib has it, and MemLib has it by another name",
               {"a wrapper in each half: " + check + " and Mm" + check.substr(3)});
        memory_library_.insert(text_in(*fact, "file"));
      }
      continue;
    }
    const Json& of = list_in(*fact, "of");
    const auto call = fact->find("call");
    Source* source = source_of(*fact);
    const Place place = place_of(*fact);
    if (has(of, "buffer") && of.size() > 1) {
      decide("S9", place, check, "what it checks is the primary buffer on one way and a pointer in it on another",
             {"a check for each: the primary buffer is a copy in MMRAM in Standalone MM, which this check refuses"})
          .pitfall = "P10";
      continue;
    }
    const bool is_primary = has(of, "buffer");
    const std::string wrapper = prefix() + (is_primary ? "IsPrimaryBufferValid" : "IsNestedBufferValid");
    const std::vector<std::string> arguments = source != nullptr && call != fact->end() && call->is_object()
                                                   ? arguments_of(*source, *call)
                                                   : std::vector<std::string>();
    const std::string reason =
        is_primary ? "the primary buffer is a copy in MMRAM in Standalone MM, which this check would refuse"
                   : "pointers that come in a message are checked in both models, by libraries of different names";
    if (arguments.size() != 2 || !edit(source, (*call)["at"], "S9", check, reason,
                                       std::format("{} ({}, {})", wrapper, arguments[0], arguments[1]))) {
      decide("S9", place, check, reason + "; the call comes from a macro", {wrapper});
      continue;
    }
    (is_primary ? primary_check_ : nested_check_) = wrapper;
  }
}

void SourcePlanner::messages() {
  struct Unvalidated {
    const Json* first = nullptr;
    std::size_t count = 0;
  };
  std::map<std::pair<std::string, std::string>, Unvalidated> found;
  for (const Json* fact : facts("buffer_access")) {
    if (fact->value("validated", false)) {
      continue;
    }
    for (const Json& handler : list_in(*fact, "handlers")) {
      Unvalidated& entry = found[{handler.get<std::string>(), text_in(*fact, "of")}];
      entry.first = entry.first == nullptr ? fact : entry.first;
      ++entry.count;
    }
  }
  for (const auto& [what, entry] : found) {
    const auto& [handler, of] = what;
    const bool nested = of == "nested";
    decide("S9", place_of(*entry.first), std::format("{} ({})", text_in(*entry.first, "expression"), handler),
           std::format("{} of a message {} before any check of it ({} places)",
                       nested ? "memory that a pointer in the buffer" : "the buffer",
                       nested ? "leads to is touched" : "is touched", entry.count),
           {nested ? "MmIsBufferOutsideMmValid (Traditional: SmmIsBufferOutsideSmmValid) of the pointer, in both models"
                   : "a check of the primary buffer first, and of its size"})
        .pitfall = nested ? "" : "P10";
  }
  for (const Json* fact : facts("comm_buffer")) {
    if (!list_in(*fact, "incomplete").empty()) {
      note_unexamined("S9", place_of(*fact), "buffers",
                      "what gets the message isn't understood as a whole: " +
                          list_in(*fact, "incomplete").front().get<std::string>());
    }
  }
}

void SourcePlanner::add_checks() {
  const auto check = [&](const std::string& name, HalfFunction::Kind kind, const char* what) {
    if (name.empty()) {
      return;
    }
    HalfFunction function;
    function.kind = kind;
    function.name = name;
    function.comment = std::format(
        "/**\n  Whether {} may be used.\n\n  @param[in] Buffer  Where it starts.\n  @param[in] Length  Its size in "
        "bytes.\n\n  @retval TRUE   It may be used.\n  @retval FALSE  It may not: a part of it is in MMRAM.\n**/\n",
        what);
    function.result = "BOOLEAN";
    function.parameters = "(\n  IN EFI_PHYSICAL_ADDRESS  Buffer,\n  IN UINT64                Length\n  )";
    function.body = "{\n  return SmmIsBufferOutsideSmmValid (Buffer, Length);\n}";
    functions_of_halves_.push_back(std::move(function));
  };
  check(primary_check_, HalfFunction::Kind::primary_check, "a message's buffer");
  check(nested_check_, HalfFunction::Kind::nested_check, "memory that a pointer in a message leads to");
}

}  // namespace redoubt::port
