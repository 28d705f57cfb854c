// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/plan/evidence.hpp"

#include <algorithm>
#include <array>

namespace redoubt::port {

namespace {

constexpr std::array<std::string_view, 4> mm_types = {"DXE_SMM_DRIVER", "SMM_CORE", "MM_STANDALONE",
                                                      "MM_CORE_STANDALONE"};
constexpr std::array<std::string_view, 5> dxe_types = {"DXE_CORE", "DXE_DRIVER", "DXE_RUNTIME_DRIVER", "UEFI_DRIVER",
                                                       "UEFI_APPLICATION"};

// "A.inf", "A.inf and B.inf", "A.inf, B.inf and 3 more".
std::string list_text(const std::vector<std::string>& paths) {
  std::string text = paths.front();
  if (paths.size() == 2) {
    text += " and " + paths[1];
  } else if (paths.size() > 2) {
    text += std::format(", {} and {} more", paths[1], paths.size() - 2);
  }
  return text;
}

}  // namespace

bool runs_in_mm(const InfFile& inf) {
  const auto provided = inf.provided();
  if (provided.empty()) {
    return std::ranges::contains(mm_types, inf.module_type());
  }
  return std::ranges::any_of(provided, [](const InfFile::Provided& library_class) {
    return std::ranges::any_of(mm_types, [&](std::string_view type) { return library_class.supports(type); });
  });
}

bool runs_in_dxe(const InfFile& inf) { return !runs_in_mm(inf) && std::ranges::contains(dxe_types, inf.module_type()); }

std::optional<DxeProtocol> dxe_protocol(const Workspace& workspace, const Rules& rules, std::string_view name,
                                        std::string_view except) {
  // A rule holds for all names of its GUID.
  std::vector<std::string> names = {std::string(name)};
  if (const auto* declared = workspace.guid(name)) {
    names = workspace.names_of(declared->value);
  }
  for (const std::string& each : names) {
    if (const auto rule = rules.dxe_protocols.find(each); rule != rules.dxe_protocols.end()) {
      return DxeProtocol{"it is a protocol of DXE", rule->second};
    }
  }
  std::vector<std::string> producers = workspace.users(name, Workspace::Usage::produces);
  std::erase(producers, except);
  const bool all_in_dxe = !producers.empty() && std::ranges::all_of(producers, [&](const std::string& path) {
    return runs_in_dxe(*workspace.infs().find(path)->second);
  });
  if (!all_in_dxe) {
    return std::nullopt;
  }
  return DxeProtocol{std::format("only DXE has it: {}", list_text(producers)), ""};
}

std::vector<std::string> dxe_consumers(const Workspace& workspace, std::string_view name) {
  std::vector<std::string> consumers = workspace.users(name, Workspace::Usage::consumes);
  std::erase_if(consumers, [&](const std::string& path) { return !runs_in_dxe(*workspace.infs().find(path)->second); });
  return consumers;
}

}  // namespace redoubt::port
