// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/plan/platform_patch.hpp"

#include <algorithm>

#include "tool/port/metadata/text.hpp"
#include "tool/port/plan/evidence.hpp"

namespace redoubt::port {

namespace {

bool supports(const InfFile& library, std::string_view module_type) {
  const auto provided = library.provided();
  return !provided.empty() && provided.front().supports(module_type);
}

bool shares_a_source(const InfFile& left, const InfFile& right) {
  const auto sources = left.entries("SOURCES");
  return std::ranges::any_of(right.entries("SOURCES"), [&sources](const InfEntry& source) {
    return !source.name.ends_with(".h") && std::ranges::contains(sources, source.name, &InfEntry::name);
  });
}

}  // namespace

ReadResult<void> PlatformPatch::add(const Platform& platform) {
  const Component* traditional = platform.component(traditional_.document().name(), "X64");
  if (traditional == nullptr) {
    return {};
  }
  Platform trial = platform;
  const Component* already = platform.component(standalone_.document().name(), "X64");
  const Component standalone = already != nullptr ? *already : standalone_component(*traditional);
  const auto bindings = bind_libraries(trial, standalone);
  TRY(check_depex(trial, standalone));
  if (already == nullptr) {
    add_component(*traditional, standalone);
  }
  TRY(add_bindings(platform, bindings, plan_.standalone_type));
  TRY(bind_for_traditional(platform, *traditional));
  TRY(add_alignment(platform));
  if (platform.fdf().has_value()) {
    TRY(add_to_flash(*platform.fdf()));
  } else if (platform.fdf_problem().has_value()) {
    const ReadError& problem = *platform.fdf_problem();
    decide({"S18",
            Action::decision,
            problem.place,
            "FDF",
            "can't be read: " + problem.reason,
            "",
            "",
            {"place the module in it by hand"}});
  }
  return {};
}

ReadResult<std::string> PlatformPatch::text() {
  std::string text;
  for (const auto& [file, changes] : changes_) {
    text += changes.unified_diff(*TRY(workspace_.tree().read(file)));
  }
  return text;
}

// The Traditional module's component with what of its braces holds for the other model.
Component PlatformPatch::standalone_component(const Component& traditional) {
  Component component = {
      standalone_.document().name(), traditional.architecture, traditional.place, traditional.place, {}, {},
      traditional.build_options};
  for (const LibraryBinding& library : traditional.libraries) {
    const auto inf = workspace_.inf(library.instance, library.place);
    if (inf.has_value() && supports(**inf, plan_.standalone_type)) {
      component.libraries.push_back(library);
      continue;
    }
    if (library.library_class != "NULL") {
      continue;  // the platform's choice for the model counts
    }
    // The same library for the other model stands beside it and is made of its sources.
    std::vector<std::string> siblings;
    if (inf.has_value()) {
      for (const auto& [path, other] : workspace_.infs()) {
        if (folder_of(path) == folder_of(library.instance) && supports(*other, plan_.standalone_type) &&
            shares_a_source(**inf, *other)) {
          siblings.push_back(path);
        }
      }
    }
    if (siblings.size() == 1) {
      component.libraries.push_back(library);
      component.libraries.back().instance = siblings.front();
    } else {
      siblings.push_back(std::format("{} in LIBRARY_CLASS of {}, once its sources are fit for it",
                                     plan_.standalone_type, library.instance));
      siblings.emplace_back("leave it out");
      decide({"S17", Action::decision, library.place, "NULL|" + library.instance,
              std::format("it is linked into the Traditional module, and doesn't support {}", plan_.standalone_type),
              "", "", siblings});
    }
  }
  for (const PcdSetting& pcd : traditional.pcds) {
    if (!in_database(pcd.kind)) {
      component.pcds.push_back(pcd);
    }
  }
  return component;
}

// Binds what the new module and its libraries lack, as long as that finds something to bind.
std::vector<LibraryBinding> PlatformPatch::bind_libraries(Platform& trial, const Component& component) {
  std::vector<LibraryBinding> bindings;
  std::set<std::string> tried;
  for (bool found = true; found;) {
    found = false;
    for (const LinkProblem& problem : trial.link(workspace_, standalone_, &component, build()).problems) {
      if (problem.library_class == "NULL" || !tried.insert(problem.library_class).second) {
        continue;
      }
      // What the platform has for this very module type is its choice, and would win over an added line.
      const LibraryBinding* chosen = trial.binding(problem.library_class, &component, build());
      const std::string instance = chosen != nullptr && chosen->module_type == plan_.standalone_type
                                       ? std::string()
                                       : instance_for(problem, trial);
      if (instance.empty()) {
        continue;
      }
      LibraryBinding binding = {problem.library_class, instance, "COMMON", plan_.standalone_type, {}};
      trial.bind(binding);
      bindings.push_back(std::move(binding));
      found = true;
    }
  }
  for (const LinkProblem& problem : trial.link(workspace_, standalone_, &component, build()).problems) {
    decide_on(problem);
  }
  return bindings;
}

// The table's first that the tree has; else the only one, the Traditional module's, or the only one beside that.
std::string PlatformPatch::instance_for(const LinkProblem& problem, const Platform& platform) const {
  const auto instances = workspace_.instances(problem.library_class, plan_.standalone_type);
  if (const auto rule = rules_.instances.find(problem.library_class); rule != rules_.instances.end()) {
    for (const std::string& path : rule->second) {
      if (std::ranges::contains(instances, path)) {
        return path;
      }
    }
  }
  if (instances.size() == 1) {
    return instances.front();
  }
  const LibraryBinding* other = platform.binding(problem.library_class, nullptr, {"X64", plan_.module_type});
  if (other == nullptr || std::ranges::contains(instances, other->instance)) {
    return other == nullptr ? std::string() : other->instance;
  }
  std::vector<std::string> beside;
  std::ranges::copy_if(instances, std::back_inserter(beside),
                       [other](const std::string& path) { return folder_of(path) == folder_of(other->instance); });
  return beside.size() == 1 ? beside.front() : std::string();
}

void PlatformPatch::decide_on(const LinkProblem& problem) {
  std::vector<std::string> candidates = workspace_.instances(problem.library_class, plan_.standalone_type);
  if (!problem.instance.empty()) {
    candidates.push_back(std::format("{} in LIBRARY_CLASS of {}, once its sources are fit for it",
                                     plan_.standalone_type, problem.instance));
  }
  // What the Traditional module links may be fit for a port of its own.
  for (const std::string& path : workspace_.instances(problem.library_class, plan_.module_type)) {
    if (is_traditional(*workspace_.infs().find(path)->second)) {
      candidates.push_back(std::format("port {} first", path));
    }
  }
  candidates.emplace_back("a Null instance");
  decide({"S17", Action::decision, problem.place, problem.library_class,
          std::format("{} (used by {})", problem.reason, problem.consumer), "", "", std::move(candidates)});
}

ReadResult<void> PlatformPatch::check_depex(const Platform& trial, const Component& component) {
  const Linkage linkage = trial.link(workspace_, standalone_, &component, build());
  for (const DepexPart& part : TRY(depex_parts(workspace_, standalone_, linkage, build()))) {
    if (part.inf == standalone_.document().name()) {
      continue;
    }
    for (const std::string& name : part.source.names()) {
      if (const auto dxe = dxe_protocol(workspace_, rules_, name, "")) {
        decide({"S8",
                Action::decision,
                part.place,
                name,
                std::format("a library brings it into the module's DEPEX, and {}", dxe->reason),
                part.source.text(),
                "",
                {"another instance of the library", "a section of its DEPEX for each module type"}});
      }
    }
  }
  return {};
}

void PlatformPatch::add_component(const Component& traditional, const Component& standalone) {
  const std::string indent = indent_of(traditional.place);
  std::vector<std::string> lines = {indent + standalone.inf};
  std::string block;
  const auto add_block = [&](const std::string& name, const std::string& text) {
    if (lines.size() == 1) {
      lines.front() += " {";
    }
    if (block != name) {
      lines.push_back(std::format("{}  <{}>", indent, name));
      block = name;
    }
    lines.push_back(std::format("{}    {}", indent, text));
  };
  for (const LibraryBinding& library : standalone.libraries) {
    add_block("LibraryClasses", library.library_class + "|" + library.instance);
  }
  for (const PcdSetting& pcd : standalone.pcds) {
    add_block(std::string("Pcds") + to_string(pcd.kind), pcd.name + "|" + pcd.value);
  }
  for (const BuildOption& option : standalone.build_options) {
    add_block("BuildOptions", option.name + " = " + option.value);
  }
  if (lines.size() > 1) {
    lines.push_back(indent + "}");
  }
  insert(traditional.end, lines, "S17", standalone.inf, "the platform builds both models");
}

// The Traditional module lists library classes that it didn't before, as both models' names have them.
ReadResult<void> PlatformPatch::bind_for_traditional(const Platform& platform, const Component& component) {
  const Build traditional_build = {"X64", plan_.module_type};
  const auto as_read = TRY(workspace_.inf(plan_.inf, {plan_.inf}))->entries("LIBRARYCLASSES", &traditional_build);
  std::vector<LibraryBinding> bindings;
  for (const InfEntry& entry : traditional_.entries("LIBRARYCLASSES", &traditional_build)) {
    if (std::ranges::contains(as_read, entry.name, &InfEntry::name) ||
        platform.binding(entry.name, &component, traditional_build) != nullptr) {
      continue;
    }
    std::vector<std::string> instances = workspace_.instances(entry.name, plan_.module_type);
    if (instances.size() == 1) {
      bindings.push_back({entry.name, instances.front(), "COMMON", plan_.module_type, {}});
    } else {
      decide({"S17", Action::decision, component.place, entry.name,
              std::format("the Traditional module needs it now, and nothing is bound to it for {}", plan_.module_type),
              "", "", std::move(instances)});
    }
  }
  return add_bindings(platform, bindings, plan_.module_type);
}

ReadResult<void> PlatformPatch::add_bindings(const Platform& platform, const std::vector<LibraryBinding>& bindings,
                                             const std::string& module_type) {
  if (bindings.empty()) {
    return {};
  }
  const auto heading = std::ranges::find_if(platform.dsc().headings, [&module_type](const DscHeading& candidate) {
    return candidate.names.size() == 1 && candidate.names.front().kind == "LIBRARYCLASSES" &&
           applies(candidate.names.front().qualifier(0), "X64") && candidate.names.front().qualifier(1) == module_type;
  });
  const std::string reason = "the platform has no instance of it for " + module_type;
  if (heading != platform.dsc().headings.end()) {
    for (const LibraryBinding& binding : bindings) {
      insert(heading->place, {"  " + binding.library_class + "|" + binding.instance}, "S17", binding.library_class,
             reason);
    }
    return {};
  }
  std::vector<std::string> lines = {"", "[LibraryClasses.common." + module_type + "]"};
  std::string names;
  for (const LibraryBinding& binding : bindings) {
    lines.push_back("  " + binding.library_class + "|" + binding.instance);
    names += (names.empty() ? "" : ", ") + binding.library_class;
  }
  return append(platform.dsc().name, lines, "S17", names, reason);
}

// Pages of 4 KiB with rights of their own need images whose sections begin at them.
ReadResult<void> PlatformPatch::add_alignment(const Platform& platform) {
  const bool is_there = std::ranges::any_of(platform.dsc().build_options, [this](const BuildOption& option) {
    return option.module_type == plan_.standalone_type && option.name.contains("DLINK_FLAGS");
  });
  if (is_there) {
    return {};
  }
  return append(platform.dsc().name,
                {"", "[BuildOptions.common.EDKII." + plan_.standalone_type + "]",
                 "  GCC:*_*_*_DLINK_FLAGS      = -z common-page-size=0x1000",
                 "  CLANGPDB:*_*_*_DLINK_FLAGS = /ALIGN:4096", "  MSFT:*_*_*_DLINK_FLAGS     = /ALIGN:4096"},
                "S17", "section alignment", "pages of an image have rights of their own");
}

ReadResult<void> PlatformPatch::add_to_flash(const FdfFile& fdf) {
  const auto is_placed = [&fdf](const std::string& path) {
    return std::ranges::any_of(fdf.modules,
                               [&path](const FdfModule& module) { return module.inf == path && !module.apriori; });
  };
  const std::string& old_path = traditional_.document().name();
  const std::string& new_path = standalone_.document().name();
  if (!is_placed(old_path)) {
    return {};
  }
  if (!is_placed(new_path)) {
    for (const FdfModule& module : fdf.modules) {
      if (module.inf != old_path) {
        continue;
      }
      if (module.apriori) {
        decide({"S18",
                Action::decision,
                module.place,
                old_path,
                "an APRIORI list starts the Traditional module first",
                "",
                "",
                {"an APRIORI list for MM", "rely on the DEPEX"}});
        continue;
      }
      insert(
          module.place, {indent_of(module.place) + "INF  " + new_path}, "S18", new_path,
          std::format("in volume {}, where the Traditional module is; move it to the volume that MM is launched from",
                      module.volume));
    }
  }
  const bool has_rule = std::ranges::any_of(fdf.rules, [this](const FdfRule& rule) {
    return rule.module_type == plan_.standalone_type && applies(rule.architecture, "X64") && rule.name.empty();
  });
  if (has_rule) {
    return {};
  }
  const std::string& type = plan_.standalone_type;
  std::vector<std::string> lines = {"", "[Rule.Common." + type + "]", "  FILE " + type + " = $(NAMED_GUID) {"};
  if (type == "MM_STANDALONE") {
    lines.emplace_back("    SMM_DEPEX SMM_DEPEX Optional       $(INF_OUTPUT)/$(MODULE_NAME).depex");
  }
  lines.insert(lines.end(), {"    PE32      PE32                     $(INF_OUTPUT)/$(MODULE_NAME).efi",
                             "    UI        STRING=\"$(MODULE_NAME)\"  Optional",
                             "    VERSION   STRING=\"$(INF_VERSION)\"  Optional BUILD_NUM=$(BUILD_NUMBER)", "  }"});
  return append(fdf.name, lines, "S18", "rule for " + type, "no rule makes files of this type");
}

void PlatformPatch::insert(const Place& behind, const std::vector<std::string>& lines, const char* step,
                           std::string subject, std::string reason) {
  std::string key = to_string(behind);
  std::string after;
  for (const std::string& line : lines) {
    key += "\n" + line;
    after += (after.empty() ? "" : "\n") + line;
  }
  if (!done_.insert(key).second) {
    return;
  }
  for (const std::string& line : lines) {
    changes_[behind.file].insert_after(behind.line - 1, line);
  }
  plan_.items.push_back({step, Action::edit, behind, std::move(subject), std::move(reason), "", after, {}});
}

ReadResult<void> PlatformPatch::append(const std::string& file, const std::vector<std::string>& lines, const char* step,
                                       std::string subject, std::string reason) {
  const auto document = TRY(workspace_.tree().read(file));
  insert(document->place(document->size() - 1), lines, step, std::move(subject), std::move(reason));
  return {};
}

void PlatformPatch::decide(PlanItem item) {
  // Platforms that share a file ask the same.
  if (done_.insert(std::format("decide {} {} {}", item.step, to_string(item.place), item.subject)).second) {
    plan_.items.push_back(std::move(item));
  }
}

std::string PlatformPatch::indent_of(const Place& place) {
  const auto document = workspace_.tree().read(place.file);
  if (!document.has_value()) {
    return "  ";  // it was read before, so this doesn't happen
  }
  const std::string_view line = (*document)->line(place.line - 1);
  return std::string(line.substr(0, std::min(line.find_first_not_of(" \t"), line.size())));
}

}  // namespace redoubt::port
