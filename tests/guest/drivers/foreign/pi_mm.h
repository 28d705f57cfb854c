/* SPDX-License-Identifier: BSD-2-Clause-Patent
 * Management Mode as a driver in C sees it that is written against gnu-efi's headers, which know UEFI and not PI:
 * EFI_MM_SYSTEM_TABLE and its functions, PI 1.9, volume 4, chapters 3 and 4. Written from the specification alone and
 * independent of abi/: these drivers stand for those that others built without us, so nothing of ours may be included.
 */
#ifndef PI_MM_H
#define PI_MM_H

#include <efi.h>

typedef struct _EFI_MM_SYSTEM_TABLE EFI_MM_SYSTEM_TABLE;

/* Return codes of handlers, PI 1.9, volume 4, 3.5 (EFI_MM_HANDLER_ENTRY_POINT). */
#define EFI_WARN_INTERRUPT_SOURCE_PENDING 0x2000000000000000ULL

typedef EFI_STATUS(EFIAPI* EFI_MM_INSTALL_CONFIGURATION_TABLE)(const EFI_MM_SYSTEM_TABLE* SystemTable,
                                                               const EFI_GUID* Guid, VOID* Table, UINTN TableSize);
typedef EFI_STATUS(EFIAPI* EFI_MM_CPU_IO)(const VOID* This, UINT32 Width, UINT64 Address, UINTN Count, VOID* Buffer);
typedef EFI_STATUS(EFIAPI* EFI_MM_STARTUP_THIS_AP)(VOID(EFIAPI* Procedure)(VOID*), UINTN CpuNumber, VOID* Arguments);
typedef EFI_STATUS(EFIAPI* EFI_MM_NOTIFY_FN)(const EFI_GUID* Protocol, VOID* Interface, EFI_HANDLE Handle);
typedef EFI_STATUS(EFIAPI* EFI_MM_REGISTER_PROTOCOL_NOTIFY)(const EFI_GUID* Protocol, EFI_MM_NOTIFY_FN Function,
                                                            VOID** Registration);
typedef EFI_STATUS(EFIAPI* EFI_MM_INTERRUPT_MANAGE)(const EFI_GUID* HandlerType, const VOID* Context, VOID* CommBuffer,
                                                    UINTN* CommBufferSize);
typedef EFI_STATUS(EFIAPI* EFI_MM_HANDLER_ENTRY_POINT)(EFI_HANDLE DispatchHandle, const VOID* Context, VOID* CommBuffer,
                                                       UINTN* CommBufferSize);
typedef EFI_STATUS(EFIAPI* EFI_MM_INTERRUPT_REGISTER)(EFI_MM_HANDLER_ENTRY_POINT Handler, const EFI_GUID* HandlerType,
                                                      EFI_HANDLE* DispatchHandle);
typedef EFI_STATUS(EFIAPI* EFI_MM_INTERRUPT_UNREGISTER)(EFI_HANDLE DispatchHandle);

struct _EFI_MM_SYSTEM_TABLE {
  EFI_TABLE_HEADER Hdr;
  CHAR16* MmFirmwareVendor;
  UINT32 MmFirmwareRevision;
  EFI_MM_INSTALL_CONFIGURATION_TABLE MmInstallConfigurationTable;
  struct {
    EFI_MM_CPU_IO Read, Write;
  } MmIoMemory, MmIoPort; /* EFI_MM_CPU_IO_PROTOCOL MmIo */
  EFI_ALLOCATE_POOL MmAllocatePool;
  EFI_FREE_POOL MmFreePool;
  EFI_ALLOCATE_PAGES MmAllocatePages;
  EFI_FREE_PAGES MmFreePages;
  EFI_MM_STARTUP_THIS_AP MmStartupThisAp;
  UINTN CurrentlyExecutingCpu;
  UINTN NumberOfCpus;
  UINTN* CpuSaveStateSize;
  VOID** CpuSaveState;
  UINTN NumberOfTableEntries;
  EFI_CONFIGURATION_TABLE* MmConfigurationTable;
  EFI_INSTALL_PROTOCOL_INTERFACE MmInstallProtocolInterface;
  EFI_UNINSTALL_PROTOCOL_INTERFACE MmUninstallProtocolInterface;
  EFI_HANDLE_PROTOCOL MmHandleProtocol;
  EFI_MM_REGISTER_PROTOCOL_NOTIFY MmRegisterProtocolNotify;
  EFI_LOCATE_HANDLE MmLocateHandle;
  EFI_LOCATE_PROTOCOL MmLocateProtocol;
  EFI_MM_INTERRUPT_MANAGE MmiManage;
  EFI_MM_INTERRUPT_REGISTER MmiHandlerRegister;
  EFI_MM_INTERRUPT_UNREGISTER MmiHandlerUnRegister;
};
_Static_assert(sizeof(EFI_MM_SYSTEM_TABLE) == 240, "EFI_MM_SYSTEM_TABLE of a 64-bit machine");

/* 'SMST', PI 1.9, volume 4, 3.2. */
#define MM_MMST_SIGNATURE 0x54534d53

#endif
