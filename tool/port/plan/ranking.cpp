// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/plan/ranking.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace redoubt::port {

namespace {

bool less_work(const RankedModule& left, const RankedModule& right) {
  const auto work = [](const RankedModule& module) {
    return std::tuple(module.plan.count(Action::decision), module.plan.count(Action::edit), module.plan.inf);
  };
  return work(left) < work(right);
}

// Traditional modules of the ranking that produce what this one consumes or has in its DEPEX.
std::vector<std::string> producers_for(const Workspace& workspace, const std::set<std::string>& ranked,
                                       const InfFile& inf) {
  std::set<std::string> asked;
  for (const InfEntry& entry : inf.entries("PROTOCOLS")) {
    if (says_consumed(entry.comment) && !says_produced(entry.comment)) {
      asked.insert(entry.name);
    }
  }
  for (const InfFile::DepexSource& section : inf.depex({"X64", inf.module_type()})) {
    const auto source = DepexSource::parse(section.text, {inf.document().name()});
    if (source.has_value()) {
      for (std::string& name : source->names()) {
        asked.insert(std::move(name));
      }
    }
  }
  std::set<std::string> producers;
  for (const std::string& name : asked) {
    for (const std::string& path : workspace.users(name, Workspace::Usage::produces)) {
      if (ranked.contains(path) && path != inf.document().name()) {
        producers.insert(path);
      }
    }
  }
  return {producers.begin(), producers.end()};
}

}  // namespace

Ranking rank_modules(Workspace& workspace, const std::vector<Platform>& platforms, const Rules& rules,
                     const std::function<void(std::size_t, std::size_t)>& progress, const FactsProgram* program,
                     const SourceOptions& options) {
  Ranking ranking;
  std::vector<std::string> paths;
  for (const auto& [path, inf] : workspace.infs()) {
    if (is_traditional(*inf) && !inf->is_library()) {
      paths.push_back(path);
    }
  }
  std::vector<RankedModule> open;
  std::set<std::string> ranked;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    std::vector<Platform> building;
    std::ranges::copy_if(platforms, std::back_inserter(building),
                         [&](const Platform& platform) { return platform.component(paths[i], "X64") != nullptr; });
    auto plan = plan_module(workspace, building, rules, paths[i], program, options);
    if (plan.has_value()) {
      ranked.insert(paths[i]);
      open.push_back({std::move(*plan), {}});
    } else {
      ranking.unplanned.push_back(std::move(plan).error());
    }
    progress(i + 1, paths.size());
  }
  for (RankedModule& module : open) {
    module.waits_for = producers_for(workspace, ranked, *workspace.infs().find(module.plan.inf)->second);
  }
  std::ranges::sort(open, less_work);
  // The one with the least work whose producers are placed; where modules wait for each other, the least work alone.
  std::set<std::string> placed;
  while (!open.empty()) {
    auto next = std::ranges::find_if(open, [&placed](const RankedModule& module) {
      return std::ranges::all_of(module.waits_for,
                                 [&placed](const std::string& path) { return placed.contains(path); });
    });
    if (next == open.end()) {
      next = open.begin();
    }
    placed.insert(next->plan.inf);
    ranking.modules.push_back(std::move(*next));
    open.erase(next);
  }
  return ranking;
}

}  // namespace redoubt::port
