// SPDX-License-Identifier: BSD-2-Clause-Patent
// Finds privileged instructions in assembly by its words: no assembler is at hand for every dialect, and the words are
// enough. What conditional assembly leaves out is scanned too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/summary.hpp"

namespace redoubt::tool::port {

struct PrivilegedInstruction {
  std::string category;
  std::string text;
  unsigned line = 1;
  unsigned column = 1;
};

/// The privileged instructions of a text in one of the dialects of inline assembly.
std::vector<PrivilegedInstruction> privileged_instructions(std::string_view text);

/// The summary of an assembly source: its labels count as functions, what they name as called.
UnitSummary scan_assembly(const Request& request, const std::string& path, std::string_view text);

}  // namespace redoubt::tool::port
