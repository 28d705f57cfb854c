// SPDX-License-Identifier: BSD-2-Clause-Patent
// Joins the summaries of a module's units: who calls whom and in which phase, what a parameter turns out to be, and
// from that the facts that no unit has alone.
#pragma once

#include <vector>

#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/summary.hpp"

namespace redoubt::tool::port {

/// The answer of this program, as facts.md describes it.
Json module_facts(const Request& request, const std::vector<UnitSummary>& units);

}  // namespace redoubt::tool::port
