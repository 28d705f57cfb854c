// SPDX-License-Identifier: BSD-2-Clause-Patent
// All Traditional modules of a tree, in an order in which they can be ported: modules that install a protocol in MM
// before those that ask for it, and what is least work first.
#pragma once

#include <functional>

#include "tool/port/plan/module_plan.hpp"

namespace redoubt::port {

struct RankedModule {
  ModulePlan plan;
  std::vector<std::string> waits_for;  // INFs of modules in the ranking that install what it asks for
};

struct Ranking {
  std::vector<RankedModule> modules;  // in the order in which to port them
  std::vector<ReadError> unplanned;   // modules that no plan could be made for
};

// Drivers and cores; libraries move with who uses them. `progress` hears how many of how many are planned.
Ranking rank_modules(Workspace& workspace, const std::vector<Platform>& platforms, const Rules& rules,
                     const std::function<void(std::size_t, std::size_t)>& progress,
                     const FactsProgram* program = nullptr, const SourceOptions& options = {});

}  // namespace redoubt::port
