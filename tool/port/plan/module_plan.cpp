// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/plan/module_plan.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "tool/port/plan/derived_names.hpp"
#include "tool/port/plan/inf_plan.hpp"
#include "tool/port/plan/platform_patch.hpp"

namespace redoubt::port {

const char* to_string(Action action) {
  switch (action) {
    case Action::edit: return "edit";
    case Action::decision: return "decision";
    case Action::note: return "note";
    case Action::unexamined: return "unexamined";
  }
  return "";
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::mechanical: return "mechanical";
    case Verdict::needs_decisions: return "needs decisions";
    case Verdict::needs_split: return "needs a split between DXE and MM";
  }
  return "";
}

namespace {

constexpr std::string_view architecture = "X64";

// Step, subject and reason of what only the C sources can tell.
constexpr std::array unexamined = std::to_array<std::array<const char*, 3>>({
    {"S2", "entry point", "its prototype takes the MM system table"},
    {"S3", "sources", "what differs between the models goes to a file for each"},
    {"S4", "headers", "PiMm.h and the MM names of services and protocols"},
    {"S9", "buffers", "checks of the communication buffer and of pointers in it"},
    {"S11", "services", "calls of boot, runtime and DXE services"},
    {"S14", "events", "notifications and configuration tables"},
    {"S15", "memory", "allocations, and buffers shared with DXE"},
    {"S16", "dispatch", "registers that only MM may touch, in entry points"},
});

// A pair's INFs list the same sources but for the halves.
ReadResult<void> find_drift(Workspace& workspace, const InfFile& planned, ModulePlan& plan) {
  const auto there = TRY(workspace.inf(plan.standalone_inf, {plan.standalone_inf}));
  const auto drift = [&plan](const InfFile& inf, const std::string& reason) {
    plan.drift.push_back({{inf.document().name()}, reason});
  };
  if (there->module_type() != plan.standalone_type) {
    drift(*there, std::format("MODULE_TYPE is {}, not {}", there->module_type(), plan.standalone_type));
  }
  const Build build = {std::string(architecture), plan.standalone_type};
  const auto sources_of = [&build](const InfFile& inf) {
    std::set<std::string> sources;
    for (const InfEntry& entry : inf.entries("SOURCES", &build)) {
      sources.insert(entry.name);
    }
    return sources;
  };
  const std::set<std::string> wanted = sources_of(planned);
  const std::set<std::string> listed = sources_of(*there);
  for (const std::string& source : wanted) {
    if (!listed.contains(source)) {
      drift(*there, std::format("doesn't list {}, as {} asks for", source, plan.inf));
    }
  }
  for (const std::string& source : listed) {
    if (!wanted.contains(source)) {
      drift(*there, std::format("lists {}, which {} has no counterpart of", source, plan.inf));
    }
  }
  return {};
}

}  // namespace

std::size_t ModulePlan::count(Action action) const {
  return static_cast<std::size_t>(std::ranges::count(items, action, &PlanItem::action));
}

bool is_traditional(const InfFile& inf) {
  return inf.module_type() == "DXE_SMM_DRIVER" || inf.module_type() == "SMM_CORE";
}

ReadResult<ModulePlan> plan_module(Workspace& workspace, const std::vector<Platform>& platforms, const Rules& rules,
                                   const std::string& path, const FactsProgram* program, const SourceOptions& options) {
  const auto inf = TRY(workspace.inf(path, {path}));
  if (!is_traditional(*inf)) {
    return refuse({path}, std::format("MODULE_TYPE is {}, not DXE_SMM_DRIVER or SMM_CORE", inf->module_type()));
  }
  ModulePlan plan;
  plan.inf = inf->document().name();
  plan.base_name = inf->base_name();
  plan.module_type = inf->module_type();
  plan.standalone_type = plan.module_type == "SMM_CORE" ? "MM_CORE_STANDALONE" : "MM_STANDALONE";
  const std::string file = plan.inf.substr(folder_of(plan.inf).empty() ? 0 : folder_of(plan.inf).size() + 1);
  plan.standalone_inf = join_path(folder_of(plan.inf), standalone_name(file.substr(0, file.size() - 4)) + ".inf");
  plan.exists = workspace.tree().has(plan.standalone_inf);
  for (const Platform& platform : platforms) {
    plan.platforms.push_back(platform.dsc().name);
  }

  std::optional<SourcePlan> sources;
  InfFile basis = *inf;
  // A core is replaced, not moved: nothing of its sources has to change.
  const bool is_core = plan.module_type == "SMM_CORE" && !inf->is_library();
  if (program != nullptr && is_core) {
    plan.sources_read = true;
  } else if (program != nullptr) {
    sources = TRY(plan_sources(workspace, rules, *inf, *program, options));
    plan.sources_read = true;
    plan.new_files = sources->new_files;
    plan.changed_files = sources->changed_files;
    plan.items = sources->items;
    plan.drift = sources->drift;
    if (!sources->traditional_inf.empty()) {
      basis = TRY(InfFile::parse(TRY(Document::parse(plan.inf, sources->traditional_inf))));
    }
  }
  InfPlan inf_plan(workspace, platforms, rules, basis, sources.has_value() ? &*sources : nullptr, plan);
  TRY(inf_plan.run());
  plan.standalone_text = inf_plan.changes().applied(basis.document()).text();
  const InfFile standalone = TRY(InfFile::parse(TRY(Document::parse(plan.standalone_inf, plan.standalone_text))));
  if (plan.exists) {
    TRY(find_drift(workspace, standalone, plan));
  }
  PlatformPatch patch(workspace, rules, basis, standalone, plan);
  for (const Platform& platform : platforms) {
    TRY(patch.add(platform));
  }
  plan.patch = TRY(patch.text());
  if (!plan.sources_read) {
    for (const auto& [step, subject, reason] : unexamined) {
      plan.items.push_back({step, Action::unexamined, {plan.inf}, subject, reason, "", "", {}});
    }
  }
  // By step, and in the order of files within one.
  std::ranges::stable_sort(plan.items, {}, [](const PlanItem& item) { return std::stoi(item.step.substr(1)); });
  const bool needs_split = inf_plan.needs_split() || (sources.has_value() && sources->needs_split);
  const bool is_settled =
      plan.count(Action::decision) == 0 && (!plan.sources_read || plan.count(Action::unexamined) == 0);
  plan.verdict = needs_split ? Verdict::needs_split : is_settled ? Verdict::mechanical : Verdict::needs_decisions;
  return plan;
}

}  // namespace redoubt::port
