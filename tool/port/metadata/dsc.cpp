// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/dsc.hpp"

#include <algorithm>

#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

const char* to_string(PcdKind kind) {
  switch (kind) {
    case PcdKind::feature_flag: return "FeatureFlag";
    case PcdKind::fixed: return "FixedAtBuild";
    case PcdKind::patchable: return "PatchableInModule";
    case PcdKind::dynamic: return "Dynamic";
    case PcdKind::dynamic_ex: return "DynamicEx";
  }
  return "";
}

std::optional<PcdKind> pcd_kind_of_section(std::string_view name) {
  if (name == "PCDSFEATUREFLAG") return PcdKind::feature_flag;
  if (name == "PCDSFIXEDATBUILD") return PcdKind::fixed;
  if (name == "PCDSPATCHABLEINMODULE") return PcdKind::patchable;
  if (name.starts_with("PCDSDYNAMICEX")) return PcdKind::dynamic_ex;
  if (name.starts_with("PCDSDYNAMIC")) return PcdKind::dynamic;
  return std::nullopt;
}

namespace {

class Builder {
 public:
  explicit Builder(std::string name) { dsc_.name = std::move(name); }

  ReadResult<void> line(const ActiveLine& line) {
    if (in_code_) {  // a PCD's value in C, up to its end
      in_code_ = !line.content.ends_with(")}");
      return {};
    }
    if (line.is_heading) {
      if (in_component_) {
        return refuse(line.place, "section begins within the braces of a component");
      }
      section_ = TRY(parse_heading(line.content, line.place));
      dsc_.headings.push_back({section_, line.place});
      return {};
    }
    if (section_.empty()) {
      return refuse(line.place, "stands in front of the first section");
    }
    if (in_component_) {
      return component_line(line);
    }
    const std::string& kind = section_.front().kind;
    if (kind == "DEFINES") {
      return define(line);
    }
    if (kind == "COMPONENTS") {
      return component(line);
    }
    if (kind == "LIBRARYCLASSES") {
      for (const SectionName& name : section_) {
        dsc_.libraries.push_back(TRY(library(line, name.qualifier(0), name.qualifier(1))));
      }
      return {};
    }
    if (kind == "BUILDOPTIONS") {
      for (const SectionName& name : section_) {
        dsc_.build_options.push_back(TRY(build_option(line, name.qualifier(0), name.qualifier(1), name.qualifier(2))));
      }
      return {};
    }
    if (pcd_kind_of_section(kind).has_value()) {
      for (const SectionName& name : section_) {
        const auto pcd_kind = pcd_kind_of_section(name.kind);
        if (!pcd_kind.has_value()) {
          return refuse(line.place, "is in a section of PCDs and of something else");
        }
        dsc_.pcds.push_back(TRY(pcd(line, *pcd_kind, name.qualifier(0))));
      }
      return {};
    }
    return {};  // SkuIds, UserExtensions and the like say nothing about modules
  }

  ReadResult<DscFile> finish(Macros macros) && {
    if (in_component_) {
      return refuse(dsc_.components.back().place, "'{' without a '}'");
    }
    if (in_code_) {
      return refuse(code_start_, "'{CODE(' without a ')}'");
    }
    dsc_.macros = std::move(macros);
    return std::move(dsc_);
  }

 private:
  ReadResult<void> define(const ActiveLine& line) {
    const std::size_t equals = line.content.find('=');
    const std::string_view content = line.content;
    if (equals == std::string::npos || trim(content.substr(0, equals)).empty()) {
      return refuse(line.place, "isn't a definition (NAME = VALUE)");
    }
    dsc_.defines[std::string(trim(content.substr(0, equals)))] = trim(content.substr(equals + 1));
    return {};
  }

  ReadResult<void> component(const ActiveLine& line) {
    std::string_view path = line.content;
    const bool has_block = path.ends_with('{');
    if (has_block) {
      path = trim(path.substr(0, path.size() - 1));
    }
    const std::string inf = tree_path(path);
    if (inf.empty()) {
      return refuse(line.place, "path leaves the tree");
    }
    open_components_ = 0;
    for (const SectionName& name : section_) {
      dsc_.components.push_back({inf, name.qualifier(0), line.place, line.place, {}, {}, {}});
      ++open_components_;
    }
    in_component_ = has_block;
    block_.clear();
    return {};
  }

  std::span<Component> open_components() { return std::span(dsc_.components).last(open_components_); }

  ReadResult<void> component_line(const ActiveLine& line) {
    if (line.content == "}") {
      for (Component& component : open_components()) {
        component.end = line.place;
      }
      in_component_ = false;
      return {};
    }
    if (line.content.starts_with('<') && line.content.ends_with('>')) {
      const std::string_view content = line.content;
      block_ = upper(content.substr(1, content.size() - 2));
      return {};
    }
    if (block_.empty()) {
      return refuse(line.place, "stands in a component's braces in front of the first <...>");
    }
    for (Component& component : open_components()) {
      if (block_ == "LIBRARYCLASSES") {
        component.libraries.push_back(TRY(library(line, component.architecture, "COMMON")));
      } else if (block_ == "BUILDOPTIONS") {
        component.build_options.push_back(TRY(build_option(line, component.architecture, "COMMON", "COMMON")));
      } else if (const auto kind = pcd_kind_of_section(block_); kind.has_value()) {
        component.pcds.push_back(TRY(pcd(line, *kind, component.architecture)));
      }
    }
    return {};
  }

  static ReadResult<LibraryBinding> library(const ActiveLine& line, std::string architecture, std::string module_type) {
    const auto fields = split(line.content, '|');
    if (fields.size() != 2 || fields[0].empty() || fields[1].empty()) {
      return refuse(line.place, "isn't a library class and its instance (CLASS|PATH)");
    }
    const std::string instance = tree_path(fields[1]);
    if (instance.empty()) {
      return refuse(line.place, "path leaves the tree");
    }
    return LibraryBinding{std::string(fields[0]), instance, std::move(architecture), std::move(module_type),
                          line.place};
  }

  ReadResult<PcdSetting> pcd(const ActiveLine& line, PcdKind kind, std::string architecture) {
    const std::string_view content = line.content;
    const std::size_t bar = std::min(content.find('|'), content.size());
    const std::string_view name = trim(content.substr(0, bar));
    if (!name.contains('.')) {
      return refuse(line.place, "isn't a PCD (TOKENSPACE.NAME|VALUE)");
    }
    const std::string_view rest = bar == content.size() ? std::string_view() : trim(content.substr(bar + 1));
    if (rest.starts_with("{CODE") && !rest.ends_with(")}")) {
      in_code_ = true;
      code_start_ = line.place;
    }
    return PcdSetting{std::string(name), kind, std::string(split(rest, '|').front()), std::move(architecture),
                      line.place};
  }

  static ReadResult<BuildOption> build_option(const ActiveLine& line, std::string architecture, std::string style,
                                              std::string module_type) {
    const std::string_view content = line.content;
    const std::size_t equals = content.find('=');
    if (equals == std::string::npos || trim(content.substr(0, equals)).empty()) {
      return refuse(line.place, "isn't a build option (NAME = VALUE)");
    }
    std::string_view value = content.substr(equals + 1);
    if (value.starts_with('=')) {
      value.remove_prefix(1);
    }
    return BuildOption{std::string(trim(content.substr(0, equals))),
                       std::string(trim(value)),
                       std::move(architecture),
                       std::move(style),
                       std::move(module_type),
                       line.place};
  }

  DscFile dsc_;
  std::vector<SectionName> section_;
  bool in_component_ = false;
  std::size_t open_components_ = 0;
  std::string block_;  // the name in angle brackets
  bool in_code_ = false;
  Place code_start_;
};

ReadResult<DscFile> read_once(const std::shared_ptr<const Document>& document, const DirectiveInput& input) {
  Builder builder(document->name());
  Macros macros =
      TRY(read_active_lines(document, input, [&builder](const ActiveLine& line) { return builder.line(line); }));
  return std::move(builder).finish(std::move(macros));
}

}  // namespace

ReadResult<DscFile> read_dsc(std::shared_ptr<const Document> document, DirectiveInput input) {
  // A condition may ask for a PCD that is set further below.
  input.pcds_complete = false;
  for (const PcdSetting& pcd : TRY(read_once(document, input)).pcds) {
    if (!in_database(pcd.kind) && !pcd.value.empty()) {
      input.pcds[pcd.name] = pcd.value;
    }
  }
  input.pcds_complete = true;
  return read_once(document, input);
}

}  // namespace redoubt::port
