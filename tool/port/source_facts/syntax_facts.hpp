// SPDX-License-Identifier: BSD-2-Clause-Patent
// What can be read off the syntax tree of a unit: uses of services, protocols, events, memory, privileged instructions,
// and the edges of the call graph. The way of buffers is function_flow's.
#pragma once

#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/syntax.hpp"

namespace redoubt::tool::port {

void find_syntax_facts(const Syntax& syntax, const Request& request, UnitSummary& unit);

}  // namespace redoubt::tool::port
