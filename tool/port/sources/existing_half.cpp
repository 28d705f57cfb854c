// SPDX-License-Identifier: BSD-2-Clause-Patent
// The other half of a module that is split already.
#include <algorithm>
#include <format>

#include "tool/port/metadata/text.hpp"
#include "tool/port/plan/derived_names.hpp"
#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

namespace {

// "LampTraditional.c" and "LampSmm.c" become "LampStandaloneMm.c".
std::string standalone_source_name(const std::string& path) {
  std::string stem = stem_of(path);
  if (stem.ends_with("Traditional")) {
    stem += "Mm";
  }
  return join_path(folder_of(path), standalone_name(stem) + ".c");
}

}  // namespace

void SourcePlanner::finish_half() {
  Source& source = sources_.at(half_);
  Halves halves;
  halves.title = prefix();
  halves.licence = with_line_ends(licence_of(source.text.original()), "\n");
  for (const std::string& header : standalone_copy_->needed_headers) {
    halves.includes.push_back("<" + header + ">");
  }
  for (const IncludeLine& include : include_lines(source.text.original())) {
    std::string name = include.header;
    if (name == "PiSmm.h" || name == "PiDxe.h") {
      name = "PiMm.h";
    } else if (name == "Library/SmmServicesTableLib.h") {
      name = "Library/MmServicesTableLib.h";
    } else if (name == "Library/SmmMemLib.h") {
      name = "Library/StandaloneMmMemLib.h";
    } else if (name.starts_with("Library/") && is_library_of_dxe(stem_of(name))) {
      continue;
    }
    const std::string written = include.is_angled ? "<" + name + ">" : "\"" + name + "\"";
    if (!std::ranges::contains(halves.includes, written)) {
      halves.includes.push_back(written);
    }
  }
  std::map<std::string, const Json*> checks;
  for (const Json* fact : facts("buffer_check")) {
    if (in_half(*fact)) {
      checks[text_in(*fact, "function")] = fact;
    }
  }
  for (const Json* each : functions_[half_]) {
    half_function(halves, source, *each, checks);
  }
  halves.declarations = with_line_ends(outside_of_functions(source), "\n");
  const std::string path = other_half(source.path);
  const std::string text = with_line_ends(standalone_source(halves, options_.target, rules_.source_names),
                                          line_end_of(source.text.original()));
  plan_.standalone_sources[source.path.substr(folder_of(inf_.document().name()).size() +
                                              (folder_of(inf_.document().name()).empty() ? 0 : 1))] = file_name(path);
  standalone_half_ = text;
  if (!workspace_.tree().has(path)) {
    plan_.new_files.push_back({path, text});
    add("S3", Action::edit, {path}, "new source", "what Standalone MM alone needs, by the Traditional half", "",
        file_name(path));
  } else {
    find_drift(halves, path);
  }
  if (std::ranges::any_of(halves.functions, [&](const HalfFunction& function) {
        return function.kind == HalfFunction::Kind::nested_check;
      })) {
    plan_.standalone_classes.insert("MemLib");
  }
}

std::string SourcePlanner::other_half(const std::string& half) const {
  std::set<std::string> own;
  std::set<std::string> modules;
  for (const auto& [file, source] : sources_) {
    own.insert(source.path);
    for (const std::string& user : workspace_.users_of_source(source.path)) {
      if (is_c_source(source.path) && folder_of(user) == folder_of(inf_.document().name()) &&
          workspace_.infs().find(user)->second->module_type().contains("STANDALONE")) {
        modules.insert(user);
      }
    }
  }
  std::vector<std::string> found;
  for (const std::string& module : modules) {
    for (const InfEntry& entry : workspace_.infs().find(module)->second->entries("SOURCES")) {
      std::string path = tree_path(join_path(folder_of(module), entry.name));
      if (is_c_source(path) && !own.contains(path)) {
        found.push_back(std::move(path));
      }
    }
  }
  return found.size() == 1 ? found.front() : standalone_source_name(half);
}

void SourcePlanner::find_drift(const Halves& halves, const std::string& path) {
  const auto document = workspace_.tree().read(path);
  if (!document.has_value()) {
    plan_.drift.push_back(document.error());
    return;
  }
  const std::set<std::string> there = words_in((*document)->text());
  for (const HalfFunction& function : halves.functions) {
    if (!function.is_static && function.kind != HalfFunction::Kind::entry && !there.contains(function.name)) {
      plan_.drift.push_back({{path}, std::format("has no {}, which {} has", function.name, sources_.at(half_).path)});
    }
  }
}

std::string SourcePlanner::outside_of_functions(const Source& source) {
  const std::string& text = source.text.original();
  SourceText rest(text);
  for (const Json* function : functions_[half_]) {
    const Json definition = function->value("definition", Json::object());
    const auto head = source.text.range(definition.value("head", Json()));
    const auto body = source.text.range(definition.value("body", Json()));
    if (head && body) {
      static_cast<void>(rest.replace({source.text.comment_above(head->begin).begin, body->end}, ""));
    }
  }
  for (const IncludeLine& include : include_lines(text)) {
    const auto line = rest.range(Json::array({include.line, 1U, include.line + 1, 1U}));
    if (line.has_value()) {
      static_cast<void>(rest.replace(*line, ""));
    }
  }
  std::string left = rest.applied({});
  if (left.starts_with("/**")) {
    left.erase(0, std::min(left.find("*/"), left.size() - 2) + 2);
  }
  return words_in(left).empty() ? std::string() : std::string(bare(left)) + "\n\n";
}

bool SourcePlanner::is_library_of_dxe(const std::string& library_class) const {
  const auto rule = rules_.library_classes.find(library_class);
  return rule != rules_.library_classes.end() && rule->second.standalone.empty();
}

void SourcePlanner::half_function(Halves& halves, const Source& source, const Json& function,
                                  const std::map<std::string, const Json*>& checks) {
  const Json definition = function.value("definition", Json::object());
  const auto head_range = source.text.range(definition.value("head", Json()));
  const auto name_range = source.text.range(definition.value("name", Json()));
  const auto parameters = source.text.at(definition.value("parameters", Json()));
  const auto body = source.text.at(definition.value("body", Json()));
  HalfFunction half;
  half.name = text_in(function, "name");
  if (!head_range || !name_range || !parameters || !body) {
    note_unexamined("S3", place_of(function), "function", half.name + " comes from a macro");
    return;
  }
  const SourceText::Range above = source.text.comment_above(head_range->begin);
  half.comment = with_line_ends(source.text.original().substr(above.begin, above.end - above.begin), "\n");
  half.result = with_line_ends(
      bare(std::string_view(source.text.original()).substr(head_range->begin, name_range->begin - head_range->begin)),
      "\n");
  half.is_static = function.value("static", false);
  if (half.is_static && half.result.starts_with("STATIC")) {
    half.result = std::string(bare(std::string_view(half.result).substr(6)));
  }
  half.parameters = with_line_ends(*parameters, "\n");
  half.body = with_line_ends(standalone_copy_->text.now_in(*source.text.range(definition["body"])), "\n");
  const Place place = place_of(function);
  const auto dxe = dxe_functions_.find(half.name);
  const auto check = checks.find(half.name);
  const bool is_entry = std::ranges::any_of(facts("entry_point"), [&](const Json* entry) {
    return text_in(*entry, "function") == half.name && text_in(*entry, "role") != "unload";
  });
  if (is_entry) {
    half.kind = HalfFunction::Kind::entry;
    plan_.standalone_entries[half.name] = standalone_entry(half.name);
    if (dxe != dxe_functions_.end()) {
      half.decision = "S11 " + half.name;
      decide("S11", place, half.name, "the entry point calls services of DXE", {"an entry point without them"});
    }
  } else if (check != checks.end()) {
    const Json& of = list_in(*check->second, "of");
    const bool is_primary = of.size() == 1 && has(of, "buffer");
    half.kind = is_primary ? HalfFunction::Kind::primary_check : HalfFunction::Kind::nested_check;
    if (of.size() > 1 && has(of, "buffer")) {
      half.kind = HalfFunction::Kind::traditional;
      half.decision = "S9 " + half.name;
      decide("S9", place, half.name, "it checks the primary buffer on one way and a pointer in it on another",
             {"a check for each"})
          .pitfall = "P10";
    }
  } else if (const ServiceWrapper* wrapper = own_wrapper(half.name);
             wrapper != nullptr && *wrapper->standalone != '\0') {
    half.standalone_body = variable_body(*wrapper);
    plan_.standalone_protocols.insert(variable_protocol);
  } else if (dxe != dxe_functions_.end()) {
    traditional_function(half, place, *dxe->second.front());
  }
  halves.functions.push_back(std::move(half));
}

}  // namespace redoubt::port
