// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/sources/model_halves.hpp"

#include <algorithm>
#include <cctype>
#include <format>

#include "tool/port/plan/derived_names.hpp"
#include "tool/port/sources/source_text.hpp"

namespace redoubt::port {

namespace {

std::string head(const std::string& title, const std::string& what, const std::string& licence) {
  return std::format("/** @file\n  {}: {}.\n\n{}**/\n\n", title, what, licence);
}

std::string include_text(const std::vector<std::string>& includes) {
  std::string text;
  for (const std::string& include : includes) {
    text += "#include " + include + "\n";
  }
  return text;
}

std::string prototype(const HalfFunction& function) {
  return std::format("{}\n{} {};\n", function.result, function.name, function.parameters);
}

std::string definition(const HalfFunction& function) {
  return std::format("{}{}{}\n{} {}\n{}\n\n", function.comment, function.is_static ? "STATIC\n" : "", function.result,
                     function.name, function.parameters, function.body);
}

// The name of a parameter: the last word of it that isn't OPTIONAL.
std::vector<std::string> parameter_names(std::string_view parameters) {
  std::vector<std::string> names;
  std::string last;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty() && word != "OPTIONAL") {
      last = word;
    }
    word.clear();
  };
  for (const char each : parameters) {
    if (std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '_') {
      word += each;
      continue;
    }
    end_word();
    if ((each == ',' || each == ')') && !last.empty()) {
      names.push_back(std::exchange(last, {}));
    }
  }
  return names;
}

std::string calling(const std::string& function, const HalfFunction& of) {
  std::string arguments;
  for (const std::string& name : parameter_names(of.parameters)) {
    arguments += (arguments.empty() ? "" : ", ") + name;
  }
  return std::format("{{\n  return {} ({});\n}}", function, arguments);
}

void replace_all(std::string& text, std::string_view old, std::string_view now) {
  for (std::size_t at = text.find(old); at != std::string::npos; at = text.find(old, at + now.size())) {
    text.replace(at, old.size(), now);
  }
}

// What a function that has nothing to do in Standalone MM answers.
std::string empty_body(const HalfFunction& function) {
  if (count_word(function.result, "VOID") > 0 && !function.result.contains('*')) {
    return "{\n}";
  }
  return count_word(function.result, "EFI_STATUS") + count_word(function.result, "RETURN_STATUS") > 0
             ? "{\n  return EFI_SUCCESS;\n}"
             : "{\n  return 0;\n}";
}

HalfFunction standalone_function(HalfFunction function, Target target,
                                 const std::map<std::string, std::string, std::less<>>& names) {
  switch (function.kind) {
    case HalfFunction::Kind::primary_check:
      function.body = target == Target::mu ? calling("MmCommBufferValid", function)
                                           : "{\n  //\n  // The foundation hands out a copy in MMRAM.\n  //\n"
                                             "  return TRUE;\n}";
      break;
    case HalfFunction::Kind::nested_check: function.body = calling("MmIsBufferOutsideMmValid", function); break;
    case HalfFunction::Kind::traditional:
      function.body = function.does_nothing ? empty_body(function)
                                            : std::format("{{\n#error \"to be decided: {}\"\n}}", function.decision);
      break;
    case HalfFunction::Kind::standalone_entry:
    case HalfFunction::Kind::entry:
      function.name = standalone_entry(function.name);
      // The names of the parameters stand below each other.
      function.parameters = with_names(function.parameters, {{"EFI_SYSTEM_TABLE", "EFI_MM_SYSTEM_TABLE"}});
      replace_all(function.parameters, "EFI_HANDLE ", "EFI_HANDLE    ");
      for (const char* table : {"UEFI system table", "UEFI System Table", "EFI system table", "EFI System Table"}) {
        replace_all(function.comment, table, "MM system table");
      }
      if (!function.decision.empty()) {
        function.body = std::format("{{\n#error \"to be decided: {}\"\n}}", function.decision);
      }
      break;
    case HalfFunction::Kind::plain: break;
  }
  if (!function.standalone_body.empty()) {
    function.body = function.standalone_body;
  } else if (function.kind != HalfFunction::Kind::traditional) {
    function.body = with_names(function.body, names);
  }
  return function;
}

}  // namespace

std::string standalone_entry(std::string_view entry) {
  return entry.contains("Smm") || entry.contains("StandaloneMm") ? standalone_name(entry)
                                                                 : std::string(entry) + "StandaloneMm";
}

std::string traditional_source(const Halves& halves) {
  std::string text = head(halves.title, "what Traditional MM alone needs", halves.licence);
  text += include_text(halves.traditional_includes) + "\n";
  for (const HalfFunction& function : halves.functions) {
    if (function.kind != HalfFunction::Kind::standalone_entry) {
      text += definition(function);
    }
  }
  text.pop_back();
  return text;
}

bool has_traditional(const Halves& halves) {
  return std::ranges::any_of(halves.functions, [](const HalfFunction& function) {
    return function.kind != HalfFunction::Kind::standalone_entry;
  });
}

std::string standalone_source(const Halves& halves, Target target,
                              const std::map<std::string, std::string, std::less<>>& names) {
  std::string text = head(halves.title, "what Standalone MM alone needs", halves.licence);
  std::vector<std::string> includes = halves.includes;
  if (std::ranges::any_of(halves.functions,
                          [target](const HalfFunction& function) {
                            return function.kind == HalfFunction::Kind::nested_check ||
                                   (target == Target::mu && function.kind == HalfFunction::Kind::primary_check);
                          }) &&
      !std::ranges::contains(includes, "<Library/StandaloneMmMemLib.h>")) {
    includes.emplace_back("<Library/StandaloneMmMemLib.h>");
  }
  text += include_text(includes) + "\n" + with_names(halves.declarations, names);
  for (const HalfFunction& function : halves.functions) {
    if (function.kind == HalfFunction::Kind::standalone_entry) {
      text += "//\n// The Traditional module's entry point, which uses no UEFI system table.\n//\n" +
              prototype(function) + "\n";
    }
  }
  for (const HalfFunction& function : halves.functions) {
    text += definition(standalone_function(function, target, names));
  }
  text.pop_back();
  return text;
}

std::string common_header(const Halves& halves) {
  std::string guard;
  for (const char each : halves.header) {
    const auto code = static_cast<unsigned char>(each);
    guard += std::isalnum(code) != 0 ? static_cast<char>(std::toupper(code)) : '_';
  }
  std::string text =
      head(halves.title, "what its sources call of each other, of which some are for one model of MM", halves.licence);
  text += std::format("#ifndef {0}_\n#define {0}_\n\n", guard);
  for (const HalfFunction& function : halves.functions) {
    if (!function.is_static && function.kind != HalfFunction::Kind::entry &&
        function.kind != HalfFunction::Kind::standalone_entry) {
      text += function.comment + prototype(function) + "\n";
    }
  }
  for (const std::string& each : halves.prototypes) {
    text += each + "\n";
  }
  return text + "#endif\n";
}

}  // namespace redoubt::port
