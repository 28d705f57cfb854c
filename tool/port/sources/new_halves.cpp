// SPDX-License-Identifier: BSD-2-Clause-Patent
// The two halves of a module that isn't split yet.
#include <algorithm>

#include "tool/port/metadata/text.hpp"
#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

bool SourcePlanner::halves_are_needed() const {
  return !functions_of_halves_.empty() || !primary_check_.empty() || !nested_check_.empty() ||
         !service_functions_.empty();
}

std::vector<std::string> SourcePlanner::includes_of(const std::string& path) const {
  std::vector<std::string> result;
  const auto changed = std::ranges::find(plan_.changed_files, path, &ChangedFile::path);
  for (const auto& [file, source] : sources_) {
    if (source.path == path) {
      for (const IncludeLine& include :
           include_lines(changed == plan_.changed_files.end() ? source.text.original() : changed->after)) {
        const std::string written = include.is_angled ? "<" + include.header + ">" : "\"" + include.header + "\"";
        if (!std::ranges::contains(result, written)) {
          result.push_back(written);
        }
      }
    }
  }
  return result;
}

std::string SourcePlanner::any_source() const {
  for (const auto& [file, source] : sources_) {
    if (is_c_source(source.path) && file != half_) {
      return source.path;
    }
  }
  return {};
}

void SourcePlanner::write_halves() {
  const std::string from = entry_source_.empty() ? any_source() : entry_source_;
  const std::string folder(folder_of(inf_.document().name()));
  Halves halves;
  halves.title = prefix();
  for (const auto& [file, source] : sources_) {
    if (source.path == from) {
      halves.licence = with_line_ends(licence_of(source.text.original()), "\n");
      line_end_ = line_end_of(source.text.original());
    }
  }
  halves.header = header_name();
  halves.includes = {"<PiMm.h>", "\"" + halves.header + "\""};
  halves.traditional_includes = {"<PiMm.h>"};
  const bool has_checks = !primary_check_.empty() || !nested_check_.empty();
  if (has_checks) {
    halves.traditional_includes.emplace_back("<Library/SmmMemLib.h>");
  }
  halves.traditional_includes.insert(halves.traditional_includes.end(), service_headers_.begin(),
                                     service_headers_.end());
  halves.traditional_includes.push_back("\"" + halves.header + "\"");
  if (!plan_.standalone_protocols.empty()) {
    halves.includes.insert(halves.includes.begin() + 1, {"<Library/MmServicesTableLib.h>", "<Protocol/SmmVariable.h>"});
  }
  halves.prototypes = prototypes_;
  halves.functions = functions_of_halves_;
  for (const auto& [name, function] : service_functions_) {
    halves.functions.push_back(function);
  }
  const std::string traditional = join_path(folder, prefix() + "TraditionalMm.c");
  const std::string standalone = join_path(folder, prefix() + "StandaloneMm.c");
  const std::string header = join_path(folder, halves.header);
  const auto write = [&](const std::string& path, const std::string& text, const char* subject, const char* what) {
    plan_.new_files.push_back({path, with_line_ends(text, line_end_)});
    add("S3", Action::edit, {path}, subject, what, "", file_name(path));
  };
  const bool both = has_traditional(halves);
  if (both) {
    write(traditional, traditional_source(halves), "new source", "what Traditional MM alone needs");
    write(header, common_header(halves), "new header", "what the sources call of each other");
    plan_.standalone_sources[file_name(traditional)] = file_name(standalone);
    added_sources_ = {halves.header, file_name(traditional)};
  } else {
    std::erase(halves.includes, "\"" + halves.header + "\"");
    plan_.more_standalone_sources.push_back(file_name(standalone));
  }
  write(standalone, standalone_source(halves, options_.target, names_), "new source", "what Standalone MM alone needs");
  if (!nested_check_.empty() || (!primary_check_.empty() && options_.target == Target::mu)) {
    plan_.standalone_classes.insert("MemLib");
  }
}

}  // namespace redoubt::port
