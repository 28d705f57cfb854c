// SPDX-License-Identifier: BSD-2-Clause-Patent
// The part that both models have: its names, its headers, and the Traditional INF that lists it.
#include <algorithm>
#include <array>
#include <format>

#include "tool/port/metadata/line_changes.hpp"
#include "tool/port/metadata/text.hpp"
#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

void SourcePlanner::rename() {
  if (!has_common_table()) {
    decide("S4", {inf_.document().name()}, "MmServicesTableLib",
           "the tree has no library class that gives both models the table of MM's services",
           {"the library classes and instances of a newer MdePkg first"});
    return;
  }
  for (const auto& [old, now] : rules_.source_names) {
    names_.emplace(old, now);
  }
}

bool SourcePlanner::still_used(const char* word) const {
  return std::ranges::any_of(sources_, [&](const auto& each) {
    return each.first != half_ && count_word(each.second.text.applied(names_), word) > 0;
  });
}

std::string SourcePlanner::with_includes(const Source& source, const std::string& text) {
  SourceText edited(text);
  const std::vector<IncludeLine> includes = include_lines(text);
  const bool has_mm = std::ranges::any_of(includes, [](const auto& each) { return each.header == "PiMm.h"; });
  const bool has_table =
      std::ranges::any_of(includes, [](const auto& each) { return each.header == "Library/MmServicesTableLib.h"; });
  const auto line_range = [&](const IncludeLine& include) {
    return *edited.range(Json::array({include.line, 1U, include.line + 1, 1U}));
  };
  bool said_mm = has_mm;
  bool said_table = has_table;
  std::size_t last = 0;
  for (const IncludeLine& include : includes) {
    last = include.line;
    std::string becomes = include.header;
    if (include.header == "PiSmm.h" && has_common_table()) {
      becomes = said_mm ? "" : "PiMm.h";
      said_mm = true;
    } else if (include.header == "Library/SmmServicesTableLib.h" && has_common_table()) {
      becomes = said_table ? "" : "Library/MmServicesTableLib.h";
      said_table = true;
    } else if (include.header == "Library/SmmMemLib.h") {
      becomes = memory_library_.empty() ? "" : include.header;
    } else if (is_dropped(include.header)) {
      becomes = "";
    }
    if (becomes == include.header || !edited.range(Json::array({include.line, 1U, include.line + 1, 1U}))) {
      continue;
    }
    const auto range = line_range(include);
    const std::string old = text.substr(range.begin, range.end - range.begin);
    const std::string now =
        becomes.empty() ? "" : old.substr(0, old.find('<')) + "<" + becomes + old.substr(old.find('>'));
    if (!edited.replace(range, now)) {
      continue;
    }
    add("S4", Action::edit, {source.path, include.line}, include.header,
        becomes.empty() ? "nothing of it is left in what both models have" : "the header of both models", one_line(old),
        one_line(now));
  }
  std::string more;
  for (const std::string& header : source.needed_headers) {
    if (std::ranges::none_of(includes, [&](const IncludeLine& include) { return include.header == header; })) {
      more += "#include <" + header + ">" + line_end_of(text);
      add("S4", Action::edit, {source.path, last}, header, "what takes a service's place", "",
          "#include <" + header + ">");
    }
  }
  if (is_c_source(source.path) && halves_are_needed() && uses_halves(text)) {
    more += "#include \"" + header_name() + "\"" + line_end_of(text);
    add("S3", Action::edit, {source.path, last}, header_name(), "what the sources call of each other", "",
        "#include \"" + header_name() + "\"");
  }
  if (const auto at = edited.range(Json::array({last + 1, 1U, last + 1, 1U})); at.has_value() && !more.empty()) {
    static_cast<void>(edited.replace(*at, more));
  }
  return edited.applied({});
}

bool SourcePlanner::uses_halves(const std::string& text) const {
  const auto names = [&](const std::string& name) { return !name.empty() && count_word(text, name) > 0; };
  return names(primary_check_) || names(nested_check_) ||
         std::ranges::any_of(service_functions_, [&](const auto& each) { return names(each.first); }) ||
         std::ranges::any_of(functions_of_halves_,
                             [&](const HalfFunction& function) { return names(function.name + "Common"); });
}

bool SourcePlanner::is_dropped(const std::string& header) const {
  static constexpr std::array<std::pair<std::string_view, std::array<const char*, 3>>, 3> known = {{
      {"Library/UefiBootServicesTableLib.h", {"gBS", "gST", "gImageHandle"}},
      {"Library/UefiRuntimeServicesTableLib.h", {"gRT", "gRT", "gRT"}},
      {"Library/DxeServicesTableLib.h", {"gDS", "gDS", "gDS"}},
  }};
  const auto found = std::ranges::find(known, header, [](const auto& each) { return std::string(each.first); });
  return found != known.end() &&
         std::ranges::none_of(found->second, [&](const char* name) { return still_used(name); });
}

void SourcePlanner::traditional_names() {
  if (half_.empty()) {
    return;
  }
  std::set<std::string> others;
  for (const auto& [file, source] : sources_) {
    if (file != half_) {
      const std::set<std::string> words_of_it = words_in(source.text.original());
      others.insert(words_of_it.begin(), words_of_it.end());
    }
  }
  const std::set<std::string> written = words_in(standalone_half_);
  for (const std::string& word : words_in(sources_.at(half_).text.original())) {
    if (!others.contains(word) && !written.contains(word)) {
      plan_.traditional_names.insert(word);
    }
  }
}

std::string SourcePlanner::old_names_in(const Source& source) const {
  std::string list;
  for (const auto& [old, now] : names_) {
    if (count_word(source.text.original(), old) > 0) {
      list += (list.empty() ? "" : ", ") + old;
    }
  }
  return list;
}

void SourcePlanner::shared_names(const Source& source) {
  if (const std::string list = old_names_in(source); !list.empty()) {
    decide("S4", {source.path}, list,
           std::format("Standalone MM has other names for these; {} has the source, too", source.others.front()),
           {"the names that both models have, if that module may link MmServicesTableLib",
            "a copy of the source for this module"})
        .pitfall = "P1";
  }
  for (const IncludeLine& include : include_lines(source.text.original())) {
    if (is_dropped(include.header)) {
      decide("S4", {source.path, include.line}, include.header,
             std::format(
                 "Standalone MM doesn't have what it declares, of which nothing is used here; {} has the source, too",
                 source.others.front()),
             {"leave the line out, if that module's build allows it", "a copy of the source for this module"})
          .pitfall = "P1";
    }
  }
}

void SourcePlanner::rename_items(const Source& source) {
  const std::string list = old_names_in(source);
  if (!list.empty()) {
    add("S4", Action::edit, {source.path}, "names", "the names that both models have", list, "Mm for Smm and Smi");
  }
}

void SourcePlanner::traditional_inf() {
  if (added_sources_.empty() && needed_classes_.empty() && plan_.changed_files.empty()) {
    return;
  }
  LineChanges changes;
  const Build build = {std::string(architecture), inf_.module_type()};
  const auto line_of = [&](const InfEntry& entry) { return inf_.file().entries[entry.entry].line; };
  std::optional<std::size_t> last;
  std::string indent = "  ";
  for (const InfEntry& entry : inf_.entries("SOURCES", &build)) {
    last = line_of(entry);
    const std::string_view line = inf_.document().line(*last);
    indent = line.substr(0, line.find_first_not_of(" \t"));
  }
  for (const std::string& source : added_sources_) {
    if (last.has_value()) {
      changes.insert_after(*last, indent + source);
      add("S3", Action::edit, inf_.document().place(*last), source, "the Traditional module has it, too", "", source);
    }
  }
  const auto libraries = inf_.entries("LIBRARYCLASSES", &build);
  const bool has_mm =
      std::ranges::any_of(libraries, [](const InfEntry& entry) { return entry.name == "MmServicesTableLib"; });
  for (const InfEntry& entry : libraries) {
    if (entry.name != "SmmServicesTableLib" || plan_.changed_files.empty() || inf_.module_type() == "SMM_CORE" ||
        !has_common_table()) {
      continue;
    }
    if (has_mm) {
      changes.remove(line_of(entry));
    } else {
      changes.replace(line_of(entry), with_content(inf_.document().line(line_of(entry)), "MmServicesTableLib"));
    }
    add("S5", Action::edit, inf_.document().place(line_of(entry)), entry.name,
        "the common part uses gMmst in both models", entry.name, has_mm ? "" : "MmServicesTableLib");
  }
  for (const std::string& needed : needed_classes_) {
    if (!libraries.empty()) {
      changes.insert_after(line_of(libraries.back()), "  " + needed);
      add("S5", Action::edit, inf_.document().place(line_of(libraries.back())), needed,
          "what takes the place of a service", "", needed);
    }
  }
  if (!changes.empty()) {
    plan_.traditional_inf = changes.applied(inf_.document()).text();
    plan_.traditional_lines = changes.origins(inf_.document());
    plan_.changed_files.push_back({inf_.document().name(), inf_.document().text(), plan_.traditional_inf});
  }
}

}  // namespace redoubt::port
