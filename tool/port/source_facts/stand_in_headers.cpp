// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/stand_in_headers.hpp"

#include <array>
#include <filesystem>

namespace redoubt::tool::port {
namespace {

constexpr char foundation[] = {
#embed "headers/foundation.h"
};

constexpr std::array<std::string_view, 34> names{
    "Base.h",
    "Uefi.h",
    "Uefi/UefiBaseType.h",
    "Uefi/UefiSpec.h",
    "PiDxe.h",
    "PiSmm.h",
    "PiMm.h",
    "Pi/PiMultiPhase.h",
    "Pi/PiSmmCis.h",
    "Pi/PiMmCis.h",
    "Library/BaseLib.h",
    "Library/BaseMemoryLib.h",
    "Library/CpuLib.h",
    "Library/DebugLib.h",
    "Library/DevicePathLib.h",
    "Library/DxeServicesTableLib.h",
    "Library/HobLib.h",
    "Library/IoLib.h",
    "Library/MemLib.h",
    "Library/MemoryAllocationLib.h",
    "Library/MmMemLib.h",
    "Library/MmServicesTableLib.h",
    "Library/PcdLib.h",
    "Library/PrintLib.h",
    "Library/ReportStatusCodeLib.h",
    "Library/SmmMemLib.h",
    "Library/SmmServicesTableLib.h",
    "Library/StandaloneMmDriverEntryPoint.h",
    "Library/StandaloneMmMemLib.h",
    "Library/UefiBootServicesTableLib.h",
    "Library/UefiDriverEntryPoint.h",
    "Library/UefiLib.h",
    "Library/UefiRuntimeServicesTableLib.h",
    "Protocol/MmCommunication.h",
};

}  // namespace

std::span<const std::string_view> stand_in_names() { return names; }

std::string_view stand_in_header() { return {foundation, sizeof(foundation)}; }

bool has_real_headers(const std::vector<std::string>& include_directories) {
  std::error_code error;
  for (const std::string& directory : include_directories) {
    if (std::filesystem::exists(std::filesystem::path(directory) / "Base.h", error)) {
      return true;
    }
  }
  return false;
}

}  // namespace redoubt::tool::port
