// SPDX-License-Identifier: BSD-2-Clause-Patent
// What redoubt-source-facts is asked about a module: its sources, and what edk2's build would have its compiler told.
#pragma once

#include <nlohmann/json.hpp>

#include "tool/port/workspace/workspace.hpp"

namespace redoubt::port {

struct ModuleRequest {
  nlohmann::json json;                         // of which sources and folders are paths of the file system
  std::map<std::string, std::string> sources;  // the module's own, all kinds: tree path by that path
  std::vector<ReadError> missing;              // sources that the INF lists and that aren't there
};

// For X64. A module without a C or assembly source has no `sources` in the request.
ReadResult<ModuleRequest> module_request(const Workspace& workspace, const InfFile& inf);

}  // namespace redoubt::port
