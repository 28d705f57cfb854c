// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/sections.hpp"

namespace redoubt::port {

namespace {

// Each entry of a section counts once for each name of its heading.
constexpr std::size_t most_names = 64;

}  // namespace

std::string SectionName::qualifier(std::size_t index) const {
  return index < qualifiers.size() && !qualifiers[index].empty() ? upper(qualifiers[index]) : "COMMON";
}

bool applies(std::string_view qualifier, std::string_view built) {
  return equal_ignoring_case(qualifier, "COMMON") || equal_ignoring_case(qualifier, built);
}

bool is_heading(std::string_view content) { return content.starts_with('['); }

ReadResult<std::vector<SectionName>> parse_heading(std::string_view content, const Place& place) {
  if (!content.ends_with(']')) {
    return refuse(place, "section heading has no closing bracket");
  }
  std::vector<SectionName> names;
  for (const std::string_view piece : split(content.substr(1, content.size() - 2), ',')) {
    const auto parts = split(piece, '.');
    if (parts.front().empty()) {
      continue;  // a comma too many, which the build takes
    }
    if (names.size() == most_names) {
      return refuse(place, "section heading has too many names");
    }
    names.push_back({upper(parts.front()), {parts.begin() + 1, parts.end()}});
  }
  if (names.empty()) {
    return refuse(place, "section heading has no name");
  }
  return names;
}

ReadResult<SectionedFile> read_sections(const Document& document) {
  SectionedFile file;
  std::string usage;  // how an entry is used, said in front of it
  std::size_t usage_lines = 0;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const CleanLine line = clean(document.line(i));
    if (line.content.empty()) {
      const bool says_usage = line.comment.starts_with("##");
      usage = says_usage ? usage.append(line.comment).append("\n") : "";
      usage_lines = says_usage ? usage_lines + 1 : 0;
      continue;
    }
    if (is_heading(line.content)) {
      if (!file.sections.empty()) {
        file.sections.back().end = i;
      }
      file.sections.push_back({TRY(parse_heading(line.content, document.place(i))), i, 0});
    } else if (file.sections.empty()) {
      return refuse(document.place(i), "stands in front of the first section");
    } else {
      file.entries.push_back(
          {i, file.sections.size() - 1, std::string(line.content), usage.append(line.comment), i - usage_lines});
    }
    usage.clear();
    usage_lines = 0;
  }
  if (!file.sections.empty()) {
    file.sections.back().end = document.size();
  }
  return file;
}

}  // namespace redoubt::port
