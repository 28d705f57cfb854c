// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/sources/service_wrappers.hpp"

#include <algorithm>

namespace redoubt::port {

namespace {

constexpr const char* located_variables =
    "{\n  EFI_STATUS                 Status;\n  EFI_SMM_VARIABLE_PROTOCOL  *Variables;\n\n"
    "  Status = gMmst->MmLocateProtocol (&gEfiSmmVariableProtocolGuid, NULL, (VOID **)&Variables);\n"
    "  if (EFI_ERROR (Status)) {\n    return Status;\n  }\n\n  return Variables->";

constexpr std::array wrappers = std::to_array<ServiceWrapper>({
    {"boot_services",
     "InstallProtocolInterface",
     "gBS",
     "InstallInDxe",
     "/**\n  Installs a protocol in DXE's database.\n\n  @param[in,out] Handle     Its handle, NULL for a new one.\n"
     "  @param[in]     Protocol   Its GUID.\n  @param[in]     Interface  Its interface.\n\n"
     "  @return What DXE answers.\n**/\n",
     "(\n  IN OUT EFI_HANDLE  *Handle,\n  IN EFI_GUID        *Protocol,\n  IN VOID            *Interface OPTIONAL\n  )",
     {0, 1, 3, -1, -1},
     "{\n  return gBS->InstallProtocolInterface (Handle, Protocol, EFI_NATIVE_INTERFACE, Interface);\n}",
     ""},
    {"dxe_services",
     "AddMemorySpace",
     "gDS",
     "AddMemorySpace",
     "/**\n  Tells DXE of a range of memory.\n\n  @param[in] Type          Its type.\n"
     "  @param[in] BaseAddress   Where it starts.\n  @param[in] Length        Its size in bytes.\n"
     "  @param[in] Capabilities  What it may have.\n\n  @return What DXE answers.\n**/\n",
     "(\n  IN UINTN                 Type,\n  IN EFI_PHYSICAL_ADDRESS  BaseAddress,\n  IN UINT64                "
     "Length,\n"
     "  IN UINT64                Capabilities\n  )",
     {0, 1, 2, 3, -1},
     "{\n  return gDS->AddMemorySpace ((EFI_GCD_MEMORY_TYPE)Type, BaseAddress, Length, Capabilities);\n}",
     ""},
    {"dxe_services",
     "SetMemorySpaceAttributes",
     "gDS",
     "SetMemorySpaceAttributes",
     "/**\n  Gives a range of memory attributes in DXE.\n\n  @param[in] BaseAddress  Where it starts.\n"
     "  @param[in] Length       Its size in bytes.\n  @param[in] Attributes   What it has.\n\n"
     "  @return What DXE answers.\n**/\n",
     "(\n  IN EFI_PHYSICAL_ADDRESS  BaseAddress,\n  IN UINT64                Length,\n"
     "  IN UINT64                Attributes\n  )",
     {0, 1, 2, -1, -1},
     "{\n  return gDS->SetMemorySpaceAttributes (BaseAddress, Length, Attributes);\n}",
     ""},
    {"runtime_services",
     "GetVariable",
     "gRT",
     "GetVariable",
     "/**\n  Reads a variable.\n\n  @param[in]     VariableName  Its name.\n  @param[in]     VendorGuid    Its "
     "vendor.\n"
     "  @param[out]    Attributes    Its attributes.\n  @param[in,out] DataSize      The buffer's size, and the "
     "data's.\n"
     "  @param[out]    Data          The data.\n\n  @return What the variable driver answers.\n**/\n",
     "(\n  IN     CHAR16    *VariableName,\n  IN     EFI_GUID  *VendorGuid,\n  OUT    UINT32    *Attributes OPTIONAL,\n"
     "  IN OUT UINTN     *DataSize,\n  OUT    VOID      *Data OPTIONAL\n  )",
     {0, 1, 2, 3, 4},
     "{\n  return gRT->GetVariable (VariableName, VendorGuid, Attributes, DataSize, Data);\n}",
     "SmmGetVariable (VariableName, VendorGuid, Attributes, DataSize, Data);\n}"},
    {"runtime_services",
     "SetVariable",
     "gRT",
     "SetVariable",
     "/**\n  Writes a variable.\n\n  @param[in] VariableName  Its name.\n  @param[in] VendorGuid    Its vendor.\n"
     "  @param[in] Attributes    Its attributes.\n  @param[in] DataSize      The data's size.\n"
     "  @param[in] Data          The data.\n\n  @return What the variable driver answers.\n**/\n",
     "(\n  IN CHAR16    *VariableName,\n  IN EFI_GUID  *VendorGuid,\n  IN UINT32    Attributes,\n  IN UINTN     "
     "DataSize,\n"
     "  IN VOID      *Data\n  )",
     {0, 1, 2, 3, 4},
     "{\n  return gRT->SetVariable (VariableName, VendorGuid, Attributes, DataSize, Data);\n}",
     "SmmSetVariable (VariableName, VendorGuid, Attributes, DataSize, Data);\n}"},
});

}  // namespace

const ServiceWrapper* wrapper_of(std::string_view table, std::string_view service) {
  const auto found = std::ranges::find_if(
      wrappers, [&](const ServiceWrapper& each) { return table == each.table && service == each.service; });
  return found == wrappers.end() ? nullptr : &*found;
}

const ServiceWrapper* wrapper_named(std::string_view suffix) {
  const auto found =
      std::ranges::find(wrappers, suffix, [](const ServiceWrapper& each) { return std::string_view(each.suffix); });
  return found == wrappers.end() ? nullptr : &*found;
}

std::string variable_body(const ServiceWrapper& wrapper) { return std::string(located_variables) + wrapper.standalone; }

}  // namespace redoubt::port
