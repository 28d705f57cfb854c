// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_SYSTEM_TABLE (UEFI 2.10, section 4.3): what a DXE driver or a UEFI
// application is started with.
#pragma once

#include "abi/uefi/boot_services.hpp"
#include "abi/uefi/runtime_services.hpp"

namespace redoubt::abi {

// EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL (UEFI 2.10, 12.4).
struct SimpleTextOutput {
  void* reset_slot;
  EfiStatus(EFIAPI* output_string)(SimpleTextOutput* self, const Char16* text);
  void* slots[8];  // TestString to Mode
};

struct SystemTable {
  TableHeader header;
  Char16* firmware_vendor;
  std::uint32_t firmware_revision;
  Handle console_in_handle;
  void* console_in;
  Handle console_out_handle;
  SimpleTextOutput* console_out;
  Handle standard_error_handle;
  SimpleTextOutput* standard_error;
  RuntimeServices* runtime_services;
  BootServices* boot_services;
  UintN table_count;
  ConfigurationTable* configuration_tables;
};

#if defined(__x86_64__)
static_assert(sizeof(SimpleTextOutput) == 80 && offsetof(SystemTable, console_out) == 64 &&
              offsetof(SystemTable, boot_services) == 96 && offsetof(SystemTable, configuration_tables) == 112 &&
              sizeof(SystemTable) == 120);
#endif

}  // namespace redoubt::abi
