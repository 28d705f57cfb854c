// SPDX-License-Identifier: BSD-2-Clause-Patent
// The way of pointers through each function of a unit: which memory is touched through a value that came in from
// outside, and which calls decide, on every path, whether that statement is reached. Nothing is concluded here about
// buffers: a parameter is only one until the callers of all units are known.
#pragma once

#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/syntax.hpp"

namespace redoubt::tool::port {

void find_function_flows(const Syntax& syntax, const Request& request, UnitSummary& unit);

}  // namespace redoubt::tool::port
