// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/plan/inf_plan.hpp"

#include <algorithm>
#include <format>

#include "abi/uefi/guid_text.hpp"
#include "tool/port/metadata/text.hpp"
#include "tool/port/plan/derived_names.hpp"

namespace redoubt::port {

namespace {

constexpr std::string_view specification_version = "0x00010032";

}  // namespace

ReadResult<void> InfPlan::run() {
  defines();
  headings();
  sources();
  left_behind();
  library_classes();
  protocols_and_guids();
  pcds();
  TRY(depex());
  packages();
  user_extensions();
  flush_additions();
  return {};
}

Place InfPlan::place(std::size_t line) const {
  return inf_.document().place(
      sources_ != nullptr && line < sources_->traditional_lines.size() ? sources_->traditional_lines[line] : line);
}

void InfPlan::edit(const char* step, std::size_t line, std::string subject, std::string reason, std::string after) {
  if (content(line) == after) {
    return;
  }
  plan_.items.push_back(
      {step, Action::edit, place(line), std::move(subject), std::move(reason), content(line), after, {}});
  changes_.replace(line, with_content(inf_.document().line(line), after));
}

void InfPlan::remove(const char* step, const InfEntry& entry, std::string reason) {
  const Entry& listed = inf_.file().entries[entry.entry];
  plan_.items.push_back(
      {step, Action::edit, place(listed.line), entry.name, std::move(reason), listed.content, "", {}});
  for (std::size_t line = listed.first_line; line <= listed.line; ++line) {
    changes_.remove(line);
  }
}

void InfPlan::decide(const char* step, std::size_t line, std::string subject, std::string reason,
                     std::vector<std::string> candidates) {
  plan_.items.push_back({step, Action::decision, place(line), std::move(subject), std::move(reason), content(line), "",
                         std::move(candidates)});
}

void InfPlan::add(const char* step, const char* kind, const char* heading, const std::string& name,
                  std::string reason) {
  const Build build = old_build();
  std::optional<std::size_t> last;
  std::string indent = "  ";
  for (const InfEntry& entry : inf_.entries(kind, &build)) {
    last = line_of(entry);
  }
  if (!last.has_value()) {
    additions_[heading].push_back(name);
  } else {
    const std::string_view line = inf_.document().line(*last);
    indent = line.substr(0, line.find_first_not_of(" \t"));
    changes_.insert_after(*last, indent + name);
  }
  plan_.items.push_back({step,
                         Action::edit,
                         last.has_value() ? place(*last) : Place{inf_.document().name(), 0},
                         name,
                         std::move(reason),
                         "",
                         name,
                         {}});
}

void InfPlan::flush_additions() {
  for (const auto& [heading, names] : additions_) {
    changes_.append(inf_.document(), "");
    changes_.append(inf_.document(), heading);
    for (const std::string& name : names) {
      changes_.append(inf_.document(), "  " + name);
    }
  }
}

void InfPlan::set_define(const char* step, const DefineEntry& define, const std::string& value, std::string reason) {
  // Name, equals sign and the blanks around it stay.
  const std::string old = content(define.line);
  const std::size_t equals = old.find('=');
  const std::size_t start = std::min(old.find_first_not_of(" \t", equals + 1), old.size());
  edit(step, define.line, define.name, std::move(reason), old.substr(0, start) + value);
}

void InfPlan::defines() {
  for (const DefineEntry& define : inf_.defines()) {
    if (define.is_macro) {
      continue;
    }
    if (define.name == "BASE_NAME") {
      set_define("S1", define, standalone_name(define.value), "names of modules are unique");
    } else if (define.name == "FILE_GUID") {
      if (const auto old = abi::parse_guid(define.value)) {
        set_define("S1", define, std::string(abi::to_text(standalone_guid(*old)).view()),
                   "both models may be in one build; derived from the old one");
      } else {
        decide("S1", define.line, define.name, "isn't a GUID that a new one can be derived from", {"a new GUID"});
      }
    } else if (define.name == "MODULE_TYPE") {
      set_define("S1", define, plan_.standalone_type, "the model");
      if (inf_.module_type() == "SMM_CORE" && !inf_.is_library()) {
        core(define);
      }
    } else if (define.name == "PI_SPECIFICATION_VERSION") {
      has_specification_ = true;
      set_define("S1", define, std::string(specification_version), "the version that has Standalone MM");
    } else if (define.name == "MODULE_UNI_FILE") {
      plan_.items.push_back({"S1",
                             Action::edit,
                             place(define.line),
                             define.name,
                             "its texts are those of the Traditional module",
                             content(define.line),
                             "",
                             {}});
      changes_.remove(define.line);
    } else if (define.name == "LIBRARY_CLASS") {
      library_class(define);
    } else if (sources_ != nullptr && (define.name == "ENTRY_POINT" || define.name == "CONSTRUCTOR")) {
      const auto entry = sources_->standalone_entries.find(define.value);
      if (entry != sources_->standalone_entries.end()) {
        set_define("S2", define, entry->second, "the model's own entry point");
      }
    }
  }
  if (!has_specification_) {
    const DefineEntry& type = *inf_.define("MODULE_TYPE");
    const std::string line = std::format("PI_SPECIFICATION_VERSION       = {}", specification_version);
    changes_.insert_after(type.line, "  " + line);
    plan_.items.push_back({"S1",
                           Action::edit,
                           place(type.line),
                           "PI_SPECIFICATION_VERSION",
                           "the version that has Standalone MM",
                           "",
                           line,
                           {}});
  }
}

void InfPlan::core(const DefineEntry& define) {
  std::vector<std::string> candidates;
  for (const auto& [path, other] : workspace_.infs()) {
    if (other->module_type() == "MM_CORE_STANDALONE" && !other->is_library()) {
      candidates.push_back(path);
    }
  }
  candidates.emplace_back("Redoubt");
  decide("S18", define.line, "SMM_CORE", "PEI launches the core of Standalone MM, and it serves one model",
         std::move(candidates));
}

void InfPlan::library_class(const DefineEntry& define) {
  const auto fields = split(define.value, '|');
  if (fields.size() < 2) {
    return;  // for all types
  }
  std::string types;
  for (const std::string_view type : words(fields[1])) {
    const std::string_view other = type == "DXE_SMM_DRIVER" ? "MM_STANDALONE"
                                   : type == "SMM_CORE"     ? "MM_CORE_STANDALONE"
                                                            : std::string_view();
    if (!other.empty() && !types.contains(other)) {
      types.append(types.empty() ? "" : " ").append(other);
    }
  }
  set_define("S17", define, std::string(fields.front()) + "|" + types, "the module types that may link it");
}

void InfPlan::headings() {
  const std::string old_type = inf_.module_type();
  for (const Section& section : inf_.file().sections) {
    std::string heading = content(section.heading);
    const std::string shouted = upper(heading);
    const std::size_t found = shouted.find("." + old_type);
    if (found != std::string::npos) {
      heading.replace(found + 1, old_type.size(), plan_.standalone_type);
      edit("S1", section.heading, "section", "the section is for one module type", heading);
    }
  }
}

void InfPlan::sources() {
  if (sources_ == nullptr) {
    return;
  }
  const Build build = old_build();
  for (const InfEntry& entry : inf_.entries("SOURCES", &build)) {
    const auto other = sources_->standalone_sources.find(entry.name);
    if (other != sources_->standalone_sources.end()) {
      edit("S3", line_of(entry), entry.name, "the model's own half", other->second);
    }
  }
  for (const std::string& source : sources_->more_standalone_sources) {
    add("S3", "SOURCES", "[Sources]", source, "the model's own half");
  }
}

void InfPlan::left_behind() {
  if (sources_ == nullptr) {
    return;
  }
  const Build build = old_build();
  for (const char* kind : {"PROTOCOLS", "GUIDS"}) {
    for (const InfEntry& entry : inf_.entries(kind, &build)) {
      if (sources_->traditional_names.contains(entry.name)) {
        remove("S11", entry, "only the Traditional half names it");
        left_behind_.insert(entry.name);
      }
    }
  }
  for (const InfFile::PcdEntry& pcd : inf_.pcds(&build)) {
    if (sources_->traditional_names.contains(pcd.entry.name.substr(pcd.entry.name.find('.') + 1))) {
      remove("S7", pcd.entry, "only the Traditional half reads it");
      left_behind_.insert(pcd.entry.name);
    }
  }
}

std::vector<Place> InfPlan::uses_of(const std::map<std::string, std::vector<Place>> SourcePlan::* uses,
                                    const std::string& name) const {
  if (sources_ == nullptr) {
    return {};
  }
  const auto found = (sources_->*uses).find(name.substr(name.find('.') + 1));
  return found == (sources_->*uses).end() ? std::vector<Place>() : found->second;
}

void InfPlan::packages() {
  const Build build = old_build();
  std::set<std::string> listed;
  for (const InfEntry& entry : inf_.entries("PACKAGES", &build)) {
    listed.insert(tree_path(entry.name));
  }
  for (const std::string& library_class : added_classes_) {
    const auto* declared = workspace_.library_class(library_class);
    if (declared != nullptr && listed.insert(declared->package).second) {
      add("S6", "PACKAGES", "[Packages]", declared->package, std::format("it declares {}", library_class));
    }
  }
  for (const std::string& name : added_guids_) {
    const auto* declared = workspace_.guid(name);
    if (declared != nullptr && listed.insert(declared->package).second) {
      add("S6", "PACKAGES", "[Packages]", declared->package, std::format("it declares {}", name));
    }
  }
}

void InfPlan::user_extensions() {
  for (const Section& section : inf_.file().sections) {
    if (section.names.front().kind != "USEREXTENSIONS") {
      continue;
    }
    const std::string heading = content(section.heading);
    if (!upper(heading).contains("\"EXTRAFILES\"")) {
      continue;
    }
    plan_.items.push_back({"S1",
                           Action::edit,
                           place(section.heading),
                           "extra files",
                           "its texts are those of the Traditional module",
                           heading,
                           "",
                           {}});
    changes_.remove(section.heading);
    for (std::size_t i = 0; i < inf_.file().entries.size(); ++i) {
      const Entry& entry = inf_.file().entries[i];
      if (&inf_.file().sections[entry.section] == &section) {
        changes_.remove(entry.line);
      }
    }
  }
}

}  // namespace redoubt::port
