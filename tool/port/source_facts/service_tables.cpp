// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/service_tables.hpp"

#include <algorithm>
#include <utility>

namespace redoubt::tool::port {

using clang::MemberExpr;

std::string table_of(const std::string& record) {
  static const std::pair<const char*, const char*> tables[] = {
      {"EFI_BOOT_SERVICES", boot_table},    {"EFI_RUNTIME_SERVICES", "runtime_services"},
      {"EFI_DXE_SERVICES", "dxe_services"}, {"DXE_SERVICES", "dxe_services"},
      {"EFI_SYSTEM_TABLE", "system_table"}, {"EFI_MM_SYSTEM_TABLE", mm_table},
      {"EFI_SMM_SYSTEM_TABLE2", mm_table},  {"EFI_SMM_SYSTEM_TABLE", mm_table},
  };
  for (const auto& [name, table] : tables) {
    if (record == name) {
      return table;
    }
  }
  return {};
}

std::string shared_name(const std::string& table, const std::string& service) {
  if (table != mm_table) {
    return service;
  }
  for (const char* prefix : {"Smm", "Mm"}) {
    if (service.starts_with(prefix) && !service.starts_with("Mmi")) {
      return service.substr(std::char_traits<char>::length(prefix));
    }
  }
  return service.starts_with("Smi") ? "Mmi" + service.substr(3) : service;
}

bool is_core_service(const std::string& function) {
  static constexpr const char* services[] = {"MmiHandlerRegister",
                                             "RegisterProtocolNotify",
                                             "InstallProtocolInterface",
                                             "LocateProtocol",
                                             "HandleProtocol",
                                             "LocateHandle",
                                             "AllocatePool",
                                             "AllocatePages",
                                             "FreePool",
                                             "FreePages",
                                             "InstallConfigurationTable"};
  const std::string shared = shared_name(mm_table, function);
  return (shared != function || function == "MmiHandlerRegister") &&
         std::ranges::any_of(services, [&](const char* service) { return shared == service; });
}

std::string through_kind(const Storage& base, const MemberExpr* member) {
  if (llvm::isa<MemberExpr>(member->getBase()->IgnoreParenCasts())) {
    return "member";
  }
  return base.kind;
}

}  // namespace redoubt::tool::port
