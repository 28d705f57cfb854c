// SPDX-License-Identifier: BSD-2-Clause-Patent
// Parses one C source, once, and leaves its summary: what is missing (headers, types, names) is assumed in a way that
// keeps the rest of the syntax tree whole, and said.
#pragma once

#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/summary.hpp"

namespace redoubt::tool::port {

UnitSummary parse_unit(const Request& request, const std::string& source);

}  // namespace redoubt::tool::port
