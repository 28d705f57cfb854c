// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who has a protocol, by what modules say in their INF files.
#pragma once

#include "tool/port/plan/rules.hpp"
#include "tool/port/workspace/workspace.hpp"

namespace redoubt::port {

// Runs in MM, in either model, or may be linked into what does.
bool runs_in_mm(const InfFile& inf);
// Runs in DXE or later, and nowhere else.
bool runs_in_dxe(const InfFile& inf);

struct DxeProtocol {
  std::string reason;
  std::string standalone;  // its name in MM, if there is one
};
// Why MM's database will never have the protocol; nothing if it may. `except` is the module that asks.
std::optional<DxeProtocol> dxe_protocol(const Workspace& workspace, const Rules& rules, std::string_view name,
                                        std::string_view except);

// Modules of DXE that say that they consume it.
std::vector<std::string> dxe_consumers(const Workspace& workspace, std::string_view name);

}  // namespace redoubt::port
