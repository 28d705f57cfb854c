// SPDX-License-Identifier: BSD-2-Clause-Patent
// Plans in the forms that other programs read: SARIF for editors and CI, SVG for the order of a tree.
#pragma once

#include "tool/port/plan/ranking.hpp"

namespace redoubt::port {

// SARIF 2.1.0: one result for each decision and each thing that wasn't understood. Rules are the steps.
std::string sarif(const std::vector<const ModulePlan*>& plans, const std::string& tool_version);

// One box for each module, in the order in which to port them, with lines to those that it waits for.
std::string svg(const Ranking& ranking);

}  // namespace redoubt::port
