// SPDX-License-Identifier: BSD-2-Clause-Patent
// Entry points, whose prototypes differ between the models.
#include <algorithm>
#include <format>

#include "tool/port/metadata/text.hpp"
#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

namespace {

// Of a function that goes to the halves: all but its body. `head` and `name_begin`: where it and its name begin.
HalfFunction function_of_half(HalfFunction::Kind kind, const std::string& name, const SourceText& text,
                              std::size_t head, std::size_t name_begin, std::string_view parameters) {
  const std::string_view original = text.original();
  const SourceText::Range above = text.comment_above(head);
  HalfFunction function;
  function.kind = kind;
  function.name = name;
  function.comment = with_line_ends(original.substr(above.begin, above.end - above.begin), "\n");
  function.result = with_line_ends(bare(original.substr(head, name_begin - head)), "\n");
  function.parameters = with_line_ends(parameters, "\n");
  return function;
}

}  // namespace

void SourcePlanner::entries() {
  for (const Json* fact : facts("entry_point")) {
    const std::string role = text_in(*fact, "role");
    const std::string name = text_in(*fact, "function");
    if (role == "unload" || in_half(*fact)) {
      continue;
    }
    if (!fact->value("found", false)) {
      note_unexamined("S2", {inf_.document().name()}, "entry point",
                      name + " isn't among the sources that could be read");
      continue;
    }
    Source* source = source_of(*fact);
    const Json* function = function_named(text_in(*fact, "file"), name);
    if (source == nullptr || function == nullptr ||
        (!split_entry(*source, *function, name) && !wrap_entry(*source, *function, name))) {
      decide("S2", place_of(*fact), name,
             "its prototype takes EFI_MM_SYSTEM_TABLE * in Standalone MM, and it uses the UEFI system table",
             {"a part that is common to both models, called by an entry point for each"});
    }
  }
}

bool SourcePlanner::wrap_entry(const Source& source, const Json& function, const std::string& name) {
  const Json definition = function.value("definition", Json::object());
  const Json& unused = list_in(definition, "unused_parameters");
  const auto parameters = source.text.at(definition.value("parameters", Json()));
  const auto name_range = source.text.range(definition.value("name", Json()));
  const auto head_range = source.text.range(definition.value("head", Json()));
  if (!parameters || !name_range || !head_range || function.value("static", false)) {
    return false;
  }
  const std::vector<std::string> pieces = parameters_in(*parameters);
  if (pieces.size() != 2 || !has(unused, parameter_name(pieces[1]))) {
    return false;
  }
  HalfFunction entry = function_of_half(HalfFunction::Kind::standalone_entry, name, source.text, head_range->begin,
                                        name_range->begin, *parameters);
  entry.body = std::format("{{\n  return {} ({}, NULL);\n}}", name, parameter_name(pieces[0]));
  plan_.standalone_entries[name] = standalone_entry(name);
  functions_of_halves_.push_back(std::move(entry));
  return true;
}

std::vector<std::string> SourcePlanner::parameters_in(const std::string& parentheses) {
  std::vector<std::string> pieces;
  const std::string list = parentheses.substr(1, parentheses.size() - 2);
  for (const std::string_view piece : split(list, ',')) {
    pieces.emplace_back(bare(piece));
  }
  return pieces;
}

std::string SourcePlanner::parameter_name(const std::string& piece) {
  std::size_t start = piece.size();
  while (start > 0 && (std::isalnum(static_cast<unsigned char>(piece[start - 1])) != 0 || piece[start - 1] == '_')) {
    --start;
  }
  return piece.substr(start);
}

bool SourcePlanner::split_entry(Source& source, const Json& function, const std::string& name) {
  const Json definition = function.value("definition", Json::object());
  const Json& unused = list_in(definition, "unused_parameters");
  const auto parameters = source.text.at(definition.value("parameters", Json()));
  const auto head = source.text.at(definition.value("head", Json()));
  const auto name_range = source.text.range(definition.value("name", Json()));
  const auto head_range = source.text.range(definition.value("head", Json()));
  if (!parameters || !head || !name_range || !head_range) {
    return false;
  }
  const std::vector<std::string> pieces = parameters_in(*parameters);
  if (pieces.size() != 2 || unused.empty()) {
    return false;
  }
  if (!has(unused, parameter_name(pieces[1]))) {
    return false;
  }
  const bool keeps_handle = !has(unused, parameter_name(pieces[0]));
  // Other code that names it would have to be changed by hand.
  std::size_t known = 1 + list_in(definition, "declarations").size();
  std::size_t met = 0;
  for (const auto& [file, each] : sources_) {
    met += count_word(each.text.original(), name);
  }
  if (met != known || !source.others.empty()) {
    return false;
  }
  const std::string common = name + "Common";
  const std::string new_parameters = keeps_handle ? "(\n  " + pieces[0] + "\n  )" : "(\n  VOID\n  )";
  const std::string end = line_end_of(source.text.original());
  for (const Json& declaration : list_in(definition, "declarations")) {
    Source* other = source_of(declaration);
    if (other == nullptr ||
        !edit(other,
              Json::array({declaration["name"][0], declaration["name"][1], declaration["parameters"][2],
                           declaration["parameters"][3]}),
              "S2", name, "the part that both models have", common + " " + with_line_ends(new_parameters, end))) {
      return false;
    }
  }
  HalfFunction entry =
      function_of_half(HalfFunction::Kind::entry, name, source.text, head_range->begin, name_range->begin, *parameters);
  entry.body = std::format("{{\n  return {} ({});\n}}", common, keeps_handle ? parameter_name(pieces[0]) : "");
  if (!edit(&source,
            Json::array({definition["name"][0], definition["name"][1], definition["parameters"][2],
                         definition["parameters"][3]}),
            "S2", name, "the part that both models have; each has an entry point that calls it",
            common + " " + with_line_ends(new_parameters, end))) {
    return false;
  }
  remove_parameter_comments(source, source.text.comment_above(head_range->begin), unused);
  if (list_in(definition, "declarations").empty()) {
    prototypes_.push_back(std::format("{}\n{} {};\n", entry.result, common, new_parameters));
  }
  entry_source_ = entry_source_.empty() ? source.path : entry_source_;
  plan_.standalone_entries[name] = standalone_entry(name);
  functions_of_halves_.push_back(std::move(entry));
  return true;
}

void SourcePlanner::remove_parameter_comments(Source& source, const SourceText::Range& comment, const Json& unused) {
  const std::string& text = source.text.original();
  bool behind_blank = false;
  bool removes = false;
  for (std::size_t at = comment.begin; at < comment.end;) {
    const std::size_t end = std::min(text.find('\n', at), comment.end);
    const std::string line(bare(std::string_view(text).substr(at, end - at)));
    const bool names_unused = line.starts_with("@param") && std::ranges::any_of(unused, [&](const Json& each) {
                                return std::ranges::contains(words(line), each.get<std::string>());
                              });
    if ((names_unused || (removes && behind_blank && line.empty())) && end < comment.end) {
      static_cast<void>(source.text.replace({at, end + 1}, ""));
    }
    behind_blank = names_unused ? behind_blank : line.empty();
    removes = names_unused;
    at = end + 1;
  }
}

}  // namespace redoubt::port
