// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which statuses the specification lists for each service of PI 1.9, volume 4, chapters 3 to 5 (for services taken over
// from UEFI: of UEFI 2.10, 7.2 and 7.3). The document's last table is written from it, and a test fails when a status
// has neither a row nor a reason why it cannot occur.
#pragma once

#include <array>
#include <string_view>

namespace redoubt::conformance {

struct ListedStatus {
  std::string_view service;  // as in tests' names
  std::string_view status;
  std::string_view never = {};  // why it cannot occur here
};

inline constexpr ListedStatus listed_statuses[] = {
    {"MmInstallConfigurationTable", "EFI_SUCCESS"},
    {"MmInstallConfigurationTable", "EFI_INVALID_PARAMETER"},
    {"MmInstallConfigurationTable", "EFI_NOT_FOUND"},
    {"MmInstallConfigurationTable", "EFI_OUT_OF_RESOURCES"},
    {"AllocatePool", "EFI_SUCCESS"},
    {"AllocatePool", "EFI_OUT_OF_RESOURCES"},
    {"AllocatePool", "EFI_INVALID_PARAMETER"},
    {"FreePool", "EFI_SUCCESS"},
    {"FreePool", "EFI_INVALID_PARAMETER"},
    {"AllocatePages", "EFI_SUCCESS"},
    {"AllocatePages", "EFI_INVALID_PARAMETER"},
    {"AllocatePages", "EFI_OUT_OF_RESOURCES"},
    {"AllocatePages", "EFI_NOT_FOUND"},
    {"FreePages", "EFI_SUCCESS"},
    {"FreePages", "EFI_INVALID_PARAMETER"},
    {"FreePages", "EFI_NOT_FOUND"},
    {"InstallProtocolInterface", "EFI_SUCCESS"},
    {"InstallProtocolInterface", "EFI_OUT_OF_RESOURCES"},
    {"InstallProtocolInterface", "EFI_INVALID_PARAMETER"},
    {"UninstallProtocolInterface", "EFI_SUCCESS"},
    {"UninstallProtocolInterface", "EFI_NOT_FOUND"},
    {"UninstallProtocolInterface", "EFI_ACCESS_DENIED"},
    {"UninstallProtocolInterface", "EFI_INVALID_PARAMETER"},
    {"HandleProtocol", "EFI_SUCCESS"},
    {"HandleProtocol", "EFI_UNSUPPORTED"},
    {"HandleProtocol", "EFI_INVALID_PARAMETER"},
    {"MmRegisterProtocolNotify", "EFI_SUCCESS"},
    {"MmRegisterProtocolNotify", "EFI_INVALID_PARAMETER"},
    {"MmRegisterProtocolNotify", "EFI_OUT_OF_RESOURCES"},
    {"MmRegisterProtocolNotify", "EFI_NOT_FOUND"},
    {"LocateHandle", "EFI_SUCCESS"},
    {"LocateHandle", "EFI_NOT_FOUND"},
    {"LocateHandle", "EFI_BUFFER_TOO_SMALL"},
    {"LocateHandle", "EFI_INVALID_PARAMETER"},
    {"LocateProtocol", "EFI_SUCCESS"},
    {"LocateProtocol", "EFI_NOT_FOUND"},
    {"LocateProtocol", "EFI_INVALID_PARAMETER"},
    {"MmiManage", "EFI_WARN_INTERRUPT_SOURCE_PENDING"},
    {"MmiManage", "EFI_INTERRUPT_PENDING"},
    {"MmiManage", "EFI_NOT_FOUND"},
    {"MmiManage", "EFI_SUCCESS"},
    {"MmiHandlerRegister", "EFI_SUCCESS"},
    {"MmiHandlerRegister", "EFI_INVALID_PARAMETER"},
    {"MmiHandlerUnRegister", "EFI_SUCCESS"},
    {"MmiHandlerUnRegister", "EFI_INVALID_PARAMETER"},
    {"EFI_MM_CPU_IO_PROTOCOL", "EFI_SUCCESS"},
    {"EFI_MM_CPU_IO_PROTOCOL", "EFI_UNSUPPORTED"},
    {"EFI_MM_CPU_IO_PROTOCOL", "EFI_INVALID_PARAMETER"},
    {"EFI_MM_CPU_IO_PROTOCOL", "EFI_OUT_OF_RESOURCES"},
    {"ReportStatusCode", "EFI_SUCCESS"},
    {"ReportStatusCode", "EFI_INVALID_PARAMETER", "it is for a device's error, and reporting uses no device"},
    {"EFI_MM_RSC_HANDLER_PROTOCOL", "EFI_SUCCESS"},
    {"EFI_MM_RSC_HANDLER_PROTOCOL", "EFI_INVALID_PARAMETER"},
    {"EFI_MM_RSC_HANDLER_PROTOCOL", "EFI_OUT_OF_RESOURCES"},
    {"EFI_MM_RSC_HANDLER_PROTOCOL", "EFI_ALREADY_STARTED"},
    {"EFI_MM_RSC_HANDLER_PROTOCOL", "EFI_NOT_FOUND"},
    {"EFI_MM_SW_DISPATCH_PROTOCOL", "EFI_SUCCESS"},
    {"EFI_MM_SW_DISPATCH_PROTOCOL", "EFI_INVALID_PARAMETER"},
    {"EFI_MM_SW_DISPATCH_PROTOCOL", "EFI_OUT_OF_RESOURCES"},
    {"EFI_MM_SW_DISPATCH_PROTOCOL", "EFI_DEVICE_ERROR", "software MMIs are always enabled"},
    {"EFI_MM_ACCESS_PROTOCOL", "EFI_SUCCESS"},
    {"EFI_MM_ACCESS_PROTOCOL", "EFI_DEVICE_ERROR"},
    {"EFI_MM_ACCESS_PROTOCOL", "EFI_BUFFER_TOO_SMALL"},
    {"EFI_MM_ACCESS_PROTOCOL", "EFI_UNSUPPORTED", "the chipset can open, close and lock MMRAM"},
    {"EFI_MM_CONFIGURATION_PROTOCOL", "EFI_SUCCESS", "the launcher registers the only entry point there is"},
    {"EFI_MM_CONFIGURATION_PROTOCOL", "EFI_INVALID_PARAMETER"},
    {"EFI_MM_PCI_ROOT_BRIDGE_IO_PROTOCOL", "all", "the protocol is absent"},
    {"EFI_MM_BASE_PROTOCOL", "all", "the protocol is absent"},
    {"EFI_MM_CONTROL_PROTOCOL", "all", "the protocol is absent"},
    {"EFI_MM_COMMUNICATION_PROTOCOL", "EFI_SUCCESS"},
    {"EFI_MM_COMMUNICATION_PROTOCOL", "EFI_INVALID_PARAMETER"},
    {"EFI_MM_COMMUNICATION_PROTOCOL", "EFI_BAD_BUFFER_SIZE"},
    {"EFI_MM_COMMUNICATION_PROTOCOL", "EFI_ACCESS_DENIED"},
    {"EFI_MM_COMMUNICATION2_PROTOCOL", "EFI_SUCCESS"},
    {"EFI_MM_COMMUNICATION2_PROTOCOL", "EFI_INVALID_PARAMETER"},
    {"EFI_MM_COMMUNICATION2_PROTOCOL", "EFI_BAD_BUFFER_SIZE"},
    {"EFI_MM_COMMUNICATION2_PROTOCOL", "EFI_ACCESS_DENIED"},
    {"EFI_MM_COMMUNICATION3_PROTOCOL", "EFI_SUCCESS"},
    {"EFI_MM_COMMUNICATION3_PROTOCOL", "EFI_INVALID_PARAMETER"},
    {"EFI_MM_COMMUNICATION3_PROTOCOL", "EFI_BAD_BUFFER_SIZE"},
    {"EFI_MM_COMMUNICATION3_PROTOCOL", "EFI_ACCESS_DENIED"},
};

}  // namespace redoubt::conformance
