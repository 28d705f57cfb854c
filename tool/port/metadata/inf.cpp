// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/inf.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "tool/port/metadata/macros.hpp"

namespace redoubt::port {

namespace {

constexpr std::array<std::string_view, 5> pcd_kinds = {"PCD", "FIXEDPCD", "FEATUREPCD", "PATCHPCD", "PCDEX"};
constexpr std::array<std::string_view, 2> path_kinds = {"SOURCES", "PACKAGES"};

}  // namespace

ReadResult<InfFile> InfFile::parse(Document document) {
  InfFile inf;
  inf.document_ = std::move(document);
  inf.file_ = TRY(read_sections(inf.document_));
  std::size_t expanded = 0;
  for (const Entry& entry : inf.file_.entries) {
    const Section& section = inf.file_.sections[entry.section];
    const bool in_defines = section.names.front().kind == "DEFINES";
    std::string_view content = entry.content;
    // Macros may be defined in any section.
    const auto first = words(content);
    const bool is_macro = first.size() > 1 && (first.front() == "DEFINE" || first.front() == "EDK_GLOBAL");
    if (!in_defines && !is_macro) {
      continue;
    }
    if (is_macro) {
      content = trim(content.substr(first.front().size()));
    }
    const std::size_t equals = content.find('=');
    if (equals == std::string_view::npos) {
      return refuse(inf.document_.place(entry.line), "has no '=' (NAME = VALUE)");
    }
    const std::string_view name = trim(content.substr(0, equals));
    if (name.empty()) {
      return refuse(inf.document_.place(entry.line), "has no name in front of '='");
    }
    DefineEntry define = {std::string(name), inf.expand(trim(content.substr(equals + 1))), is_macro, entry.line};
    expanded += define.value.size();
    if (expanded > largest_document) {
      return refuse(inf.document_.place(entry.line), "macros grow beyond all bounds");
    }
    if (is_macro) {
      inf.macros_[define.name] = define.value;
    }
    inf.defines_.push_back(std::move(define));
  }
  for (const std::string_view needed : {"MODULE_TYPE", "BASE_NAME", "FILE_GUID"}) {
    if (inf.define(needed) == nullptr) {
      return refuse({inf.document_.name()}, std::format("has no {} in its [Defines]", needed));
    }
  }
  return inf;
}

std::string InfFile::expand(std::string_view text) const {
  return expand_macros(text, [this](std::string_view name) -> std::optional<std::string> {
    const auto found = macros_.find(name);
    return found == macros_.end() ? std::nullopt : std::optional(found->second);
  });
}

const DefineEntry* InfFile::define(std::string_view name) const {
  const auto found = std::ranges::find_if(
      defines_, [name](const DefineEntry& define) { return !define.is_macro && define.name == name; });
  return found == defines_.end() ? nullptr : &*found;
}

std::string InfFile::value(std::string_view name) const {
  const DefineEntry* found = define(name);
  return found == nullptr ? std::string() : found->value;
}

bool InfFile::Provided::supports(std::string_view module_type) const {
  return module_types.empty() || std::ranges::contains(module_types, module_type);
}

std::vector<InfFile::Provided> InfFile::provided() const {
  std::vector<Provided> result;
  for (const DefineEntry& define : defines_) {
    if (define.is_macro || define.name != "LIBRARY_CLASS") {
      continue;
    }
    const auto fields = split(define.value, '|');
    Provided provided = {std::string(fields.front()), {}, define.line};
    if (fields.size() > 1) {
      for (const std::string_view type : words(fields[1])) {
        provided.module_types.emplace_back(type);
      }
    }
    result.push_back(std::move(provided));
  }
  return result;
}

std::vector<std::string> InfFile::constructors() const {
  std::vector<std::string> result;
  for (const DefineEntry& define : defines_) {
    if (!define.is_macro && define.name == "CONSTRUCTOR") {
      result.push_back(define.value);
    }
  }
  return result;
}

// A module's section names an architecture and, for library classes and DEPEX, a module type.
bool InfFile::section_applies(const Section& section, std::string_view kind, const Build* build) const {
  const bool has_type = kind == "LIBRARYCLASSES" || kind == "DEPEX";
  return std::ranges::any_of(section.names, [&](const SectionName& name) {
    return name.kind == kind && (build == nullptr || (applies(name.qualifier(0), build->architecture) &&
                                                      (!has_type || applies(name.qualifier(1), build->module_type))));
  });
}

std::vector<InfEntry> InfFile::entries(std::string_view kind, const Build* build) const {
  std::vector<InfEntry> result;
  for (std::size_t i = 0; i < file_.entries.size(); ++i) {
    const Entry& entry = file_.entries[i];
    if (!section_applies(file_.sections[entry.section], kind, build) || entry.content.starts_with("DEFINE ")) {
      continue;
    }
    const std::string content = expand(entry.content);
    const auto fields = split(content, '|');
    InfEntry listed = {std::string(fields.front()), {fields.begin() + 1, fields.end()}, entry.comment, i};
    if (std::ranges::contains(path_kinds, kind)) {
      std::ranges::replace(listed.name, '\\', '/');
    }
    result.push_back(std::move(listed));
  }
  return result;
}

std::vector<InfFile::PcdEntry> InfFile::pcds(const Build* build) const {
  std::vector<PcdEntry> result;
  for (const std::string_view kind : pcd_kinds) {
    for (InfEntry& entry : entries(kind, build)) {
      result.push_back({std::string(kind), std::move(entry)});
    }
  }
  return result;
}

std::vector<InfFile::DepexSource> InfFile::depex(const Build& build) const {
  std::vector<DepexSource> result;
  std::size_t last_section = file_.sections.size();
  for (const Entry& entry : file_.entries) {
    if (!section_applies(file_.sections[entry.section], "DEPEX", &build)) {
      continue;
    }
    if (entry.section != last_section) {
      result.push_back({"", entry.line, entry.line});
      last_section = entry.section;
    }
    DepexSource& source = result.back();
    source.text += (source.text.empty() ? "" : " ") + expand(entry.content);
    source.last_line = entry.line;
  }
  return result;
}

}  // namespace redoubt::port
