// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MM_SYSTEM_TABLE and the function types in it (PI 1.9, volume 4, chapters 3 and 4), as a 64-bit MM driver sees
// them. Every pointer argument of these services comes from a driver: an implementation believes none of them.
#pragma once

#include "abi/uefi/service_types.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

struct MmSystemTable;
struct MmCpuIoProtocol;

// EFI_MM_IO_WIDTH.
enum MmIoWidth : std::uint32_t { mm_io_uint8 = 0, mm_io_uint16 = 1, mm_io_uint32 = 2, mm_io_uint64 = 3 };

using MmInstallConfigurationTable = EfiStatus(EFIAPI*)(const MmSystemTable* system_table, const Guid* guid, void* table,
                                                       UintN table_size);
using MmCpuIo = EfiStatus(EFIAPI*)(const MmCpuIoProtocol* self, MmIoWidth width, std::uint64_t address, UintN count,
                                   void* buffer);
using MmAllocatePool = EfiStatus(EFIAPI*)(MemoryType type, UintN size, void** buffer);
using MmFreePool = EfiStatus(EFIAPI*)(void* buffer);
using MmAllocatePages = EfiStatus(EFIAPI*)(AllocateType type, MemoryType memory_type, UintN pages,
                                           EfiPhysicalAddress* memory);
using MmFreePages = EfiStatus(EFIAPI*)(EfiPhysicalAddress memory, UintN pages);
using ApProcedure = void(EFIAPI*)(void* buffer);
using MmStartupThisAp = EfiStatus(EFIAPI*)(ApProcedure procedure, UintN cpu_number, void* arguments);
using MmInstallProtocolInterface = EfiStatus(EFIAPI*)(Handle* handle, const Guid* protocol, InterfaceType type,
                                                      void* interface);
using MmUninstallProtocolInterface = EfiStatus(EFIAPI*)(Handle handle, const Guid* protocol, void* interface);
using MmHandleProtocol = EfiStatus(EFIAPI*)(Handle handle, const Guid* protocol, void** interface);
using MmNotifyFunction = EfiStatus(EFIAPI*)(const Guid* protocol, void* interface, Handle handle);
using MmRegisterProtocolNotify = EfiStatus(EFIAPI*)(const Guid* protocol, MmNotifyFunction function,
                                                    void** registration);
using MmLocateHandle = EfiStatus(EFIAPI*)(LocateSearchType type, const Guid* protocol, void* search_key,
                                          UintN* buffer_size, Handle* buffer);
using MmLocateProtocol = EfiStatus(EFIAPI*)(const Guid* protocol, void* registration, void** interface);
using MmiManage = EfiStatus(EFIAPI*)(const Guid* handler_type, const void* context, void* comm_buffer,
                                     UintN* comm_buffer_size);
using MmiHandler = EfiStatus(EFIAPI*)(Handle dispatch_handle, const void* context, void* comm_buffer,
                                      UintN* comm_buffer_size);
using MmiHandlerRegister = EfiStatus(EFIAPI*)(MmiHandler handler, const Guid* handler_type, Handle* dispatch_handle);
using MmiHandlerUnregister = EfiStatus(EFIAPI*)(Handle dispatch_handle);

// Entry point of an MM_STANDALONE driver (PI 1.9, volume 4, chapter 1).
using MmEntryPoint = EfiStatus(EFIAPI*)(Handle image_handle, MmSystemTable* system_table);

// EFI_MM_IO_ACCESS and EFI_MM_CPU_IO_PROTOCOL (PI 1.9, volume 4, chapter 4).
struct MmIoAccess {
  MmCpuIo read;
  MmCpuIo write;
};
struct MmCpuIoProtocol {
  MmIoAccess memory;
  MmIoAccess io;
};

struct MmSystemTable {
  static constexpr std::uint64_t expected_signature = 0x54534D53;  // "SMST"
  // 1.9, written as edk2 writes 1.8: the major number in the upper half, 80 in the lower.
  static constexpr std::uint32_t current_revision = (1U << 16) | 90U;

  TableHeader header;
  const Char16* firmware_vendor;
  std::uint32_t firmware_revision;
  MmInstallConfigurationTable install_configuration_table;
  MmCpuIoProtocol mm_io;
  MmAllocatePool allocate_pool;
  MmFreePool free_pool;
  MmAllocatePages allocate_pages;
  MmFreePages free_pages;
  MmStartupThisAp startup_this_ap;
  UintN currently_executing_cpu;
  UintN number_of_cpus;
  UintN* cpu_save_state_size;
  void** cpu_save_state;
  UintN number_of_table_entries;
  ConfigurationTable* configuration_table;
  MmInstallProtocolInterface install_protocol_interface;
  MmUninstallProtocolInterface uninstall_protocol_interface;
  MmHandleProtocol handle_protocol;
  MmRegisterProtocolNotify register_protocol_notify;
  MmLocateHandle locate_handle;
  MmLocateProtocol locate_protocol;
  MmiManage mmi_manage;
  MmiHandlerRegister mmi_handler_register;
  MmiHandlerUnregister mmi_handler_unregister;
};
#if defined(__x86_64__)
static_assert(offsetof(MmSystemTable, install_configuration_table) == 40 && offsetof(MmSystemTable, mm_io) == 48 &&
              offsetof(MmSystemTable, allocate_pool) == 80 && offsetof(MmSystemTable, startup_this_ap) == 112 &&
              offsetof(MmSystemTable, currently_executing_cpu) == 120 &&
              offsetof(MmSystemTable, number_of_table_entries) == 152 &&
              offsetof(MmSystemTable, install_protocol_interface) == 168 &&
              offsetof(MmSystemTable, mmi_manage) == 216 && sizeof(MmSystemTable) == 240);
#endif

}  // namespace redoubt::abi
