// SPDX-License-Identifier: BSD-2-Clause-Patent
// PCD reads and writes. They are macros, of whose names nothing is left in the syntax tree, so they are noted when the
// preprocessor expands them and laid into functions once those are known.
#pragma once

#include <clang/Basic/SourceManager.h>
#include <clang/Lex/PPCallbacks.h>

#include <memory>

#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/syntax.hpp"

namespace redoubt::tool::port {

struct MacroUse {
  clang::SourceLocation location;
  std::string macro;
  std::string argument;  ///< the first one
};
using MacroUses = std::vector<MacroUse>;

std::unique_ptr<clang::PPCallbacks> collect_macro_uses(MacroUses& uses);

void find_macro_facts(const Syntax& syntax, const Request& request, const MacroUses& uses, UnitSummary& unit);

}  // namespace redoubt::tool::port
