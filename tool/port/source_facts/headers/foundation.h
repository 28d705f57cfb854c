// SPDX-License-Identifier: BSD-2-Clause-Patent
// Declarations that stand in for a package that isn't there, so that a module still parses: the types and services of
// the UEFI specification 2.10 and the PI specification 1.9, volume 4, as far as the analysis asks for them. Only names,
// parameters and members matter here; nothing is compiled to code, so that offsets don't.
#ifndef REDOUBT_SOURCE_FACTS_FOUNDATION
#define REDOUBT_SOURCE_FACTS_FOUNDATION

typedef unsigned char UINT8;
typedef unsigned short UINT16;
typedef unsigned int UINT32;
typedef unsigned long long UINT64;
typedef signed char INT8;
typedef short INT16;
typedef int INT32;
typedef long long INT64;
typedef unsigned char BOOLEAN;
typedef char CHAR8;
typedef unsigned short CHAR16;
typedef __UINTPTR_TYPE__ UINTN;
typedef __INTPTR_TYPE__ INTN;
typedef UINTN RETURN_STATUS;
typedef UINTN EFI_STATUS;
typedef void* EFI_HANDLE;
typedef void* EFI_EVENT;
typedef UINTN EFI_TPL;
typedef UINT64 EFI_LBA;
typedef UINT64 PHYSICAL_ADDRESS;
typedef UINT64 EFI_PHYSICAL_ADDRESS;
typedef UINT64 EFI_VIRTUAL_ADDRESS;

#define VOID void
#define CONST const
#define STATIC static
#define IN
#define OUT
#define OPTIONAL
#ifndef EFIAPI
#define EFIAPI
#endif
#define EFI_BOOTSERVICE
#define EFI_RUNTIMESERVICE
#define TRUE ((BOOLEAN)(1 == 1))
#define FALSE ((BOOLEAN)(0 == 1))
#define NULL ((void*)0)
#define PACKED
#define GLOBAL_REMOVE_IF_UNREFERENCED
#define MAX_UINTN ((UINTN) ~(UINTN)0)
#define MAX_UINT32 ((UINT32)0xFFFFFFFF)
#define MAX_UINT64 ((UINT64)0xFFFFFFFFFFFFFFFF)
#define MAX_ADDRESS MAX_UINTN
#define EFI_PAGE_SIZE 0x1000
#define EFI_PAGE_SHIFT 12
#define EFI_PAGE_MASK 0xFFF
#define EFI_SIZE_TO_PAGES(Size) (((Size) >> EFI_PAGE_SHIFT) + (((Size) & EFI_PAGE_MASK) ? 1 : 0))
#define EFI_PAGES_TO_SIZE(Pages) ((Pages) << EFI_PAGE_SHIFT)
#define BIT0 0x1
#define BIT1 0x2
#define BIT2 0x4
#define BIT3 0x8
#define BIT4 0x10
#define BIT5 0x20
#define BIT6 0x40
#define BIT7 0x80
#define SIZE_4KB 0x1000
#define SIZE_64KB 0x10000
#define SIZE_1MB 0x100000
#define OFFSET_OF(Type, Field) ((UINTN) __builtin_offsetof(Type, Field))
#define BASE_CR(Record, Type, Field) ((Type*)((CHAR8*)(Record) - OFFSET_OF(Type, Field)))
#define CR(Record, Type, Field, TestSignature) BASE_CR(Record, Type, Field)
#define ARRAY_SIZE(Array) (sizeof(Array) / sizeof((Array)[0]))
#define SIGNATURE_16(A, B) ((A) | (B << 8))
#define SIGNATURE_32(A, B, C, D) (SIGNATURE_16(A, B) | (SIGNATURE_16(C, D) << 16))
#define MIN(A, B) (((A) < (B)) ? (A) : (B))
#define MAX(A, B) (((A) > (B)) ? (A) : (B))
#define ALIGN_VALUE(Value, Alignment) ((Value) + (((Alignment) - (Value)) & ((Alignment) - 1)))
#define STATIC_ASSERT _Static_assert
#define VA_LIST __builtin_va_list
#define VA_START(Marker, Parameter) __builtin_va_start(Marker, Parameter)
#define VA_ARG(Marker, Type) __builtin_va_arg(Marker, Type)
#define VA_END(Marker) __builtin_va_end(Marker)

#define EFI_ERROR_BIT ((UINTN)1 << (sizeof(UINTN) * 8 - 1))
#define EFIERR(Code) (EFI_ERROR_BIT | (Code))
#define ENCODE_ERROR(Code) EFIERR(Code)
#define EFI_ERROR(Status) (((INTN)(EFI_STATUS)(Status)) < 0)
#define RETURN_ERROR(Status) EFI_ERROR(Status)
#define EFI_SUCCESS ((EFI_STATUS)0)
#define RETURN_SUCCESS ((RETURN_STATUS)0)
#define EFI_LOAD_ERROR EFIERR(1)
#define EFI_INVALID_PARAMETER EFIERR(2)
#define EFI_UNSUPPORTED EFIERR(3)
#define EFI_BAD_BUFFER_SIZE EFIERR(4)
#define EFI_BUFFER_TOO_SMALL EFIERR(5)
#define EFI_NOT_READY EFIERR(6)
#define EFI_DEVICE_ERROR EFIERR(7)
#define EFI_WRITE_PROTECTED EFIERR(8)
#define EFI_OUT_OF_RESOURCES EFIERR(9)
#define EFI_VOLUME_CORRUPTED EFIERR(10)
#define EFI_NOT_FOUND EFIERR(14)
#define EFI_ACCESS_DENIED EFIERR(15)
#define EFI_TIMEOUT EFIERR(18)
#define EFI_NOT_STARTED EFIERR(19)
#define EFI_ALREADY_STARTED EFIERR(20)
#define EFI_ABORTED EFIERR(21)
#define EFI_SECURITY_VIOLATION EFIERR(26)
#define EFI_WARN_INTERRUPT_SOURCE_PENDING 0
#define EFI_INTERRUPT_PENDING EFIERR(0)
#define EFI_WARN_INTERRUPT_SOURCE_QUIESCED 3

#define ASSERT(Condition) ((void)(Condition))
#define ASSERT_EFI_ERROR(Status) ((void)(Status))
#define DEBUG(Arguments) ((void)0)
#define DEBUG_CODE(Statements) Statements
#define DEBUG_CODE_BEGIN() {
#define DEBUG_CODE_END() }

typedef struct {
  UINT32 Data1;
  UINT16 Data2;
  UINT16 Data3;
  UINT8 Data4[8];
} GUID;
typedef GUID EFI_GUID;

typedef struct _LIST_ENTRY LIST_ENTRY;
struct _LIST_ENTRY {
  LIST_ENTRY* ForwardLink;
  LIST_ENTRY* BackLink;
};
#define INITIALIZE_LIST_HEAD_VARIABLE(ListHead) {&(ListHead), &(ListHead)}

typedef struct {
  UINT64 Signature;
  UINT32 Revision;
  UINT32 HeaderSize;
  UINT32 CRC32;
  UINT32 Reserved;
} EFI_TABLE_HEADER;

typedef enum { AllocateAnyPages, AllocateMaxAddress, AllocateAddress, MaxAllocateType } EFI_ALLOCATE_TYPE;
typedef enum {
  EfiReservedMemoryType,
  EfiLoaderCode,
  EfiLoaderData,
  EfiBootServicesCode,
  EfiBootServicesData,
  EfiRuntimeServicesCode,
  EfiRuntimeServicesData,
  EfiConventionalMemory,
  EfiUnusableMemory,
  EfiACPIReclaimMemory,
  EfiACPIMemoryNVS,
  EfiMemoryMappedIO,
  EfiMemoryMappedIOPortSpace,
  EfiPalCode,
  EfiPersistentMemory,
  EfiMaxMemoryType
} EFI_MEMORY_TYPE;
typedef enum { AllHandles, ByRegisterNotify, ByProtocol } EFI_LOCATE_SEARCH_TYPE;
typedef enum { EFI_NATIVE_INTERFACE } EFI_INTERFACE_TYPE;
typedef enum { TimerCancel, TimerPeriodic, TimerRelative } EFI_TIMER_DELAY;
typedef enum { EfiResetCold, EfiResetWarm, EfiResetShutdown, EfiResetPlatformSpecific } EFI_RESET_TYPE;

#define EVT_TIMER 0x80000000
#define EVT_RUNTIME 0x40000000
#define EVT_NOTIFY_WAIT 0x00000100
#define EVT_NOTIFY_SIGNAL 0x00000200
#define EVT_SIGNAL_EXIT_BOOT_SERVICES 0x00000201
#define EVT_SIGNAL_VIRTUAL_ADDRESS_CHANGE 0x60000202
#define TPL_APPLICATION 4
#define TPL_CALLBACK 8
#define TPL_NOTIFY 16
#define TPL_HIGH_LEVEL 31
#define EFI_VARIABLE_NON_VOLATILE 0x1
#define EFI_VARIABLE_BOOTSERVICE_ACCESS 0x2
#define EFI_VARIABLE_RUNTIME_ACCESS 0x4
#define EFI_MEMORY_UC 0x1
#define EFI_MEMORY_RUNTIME 0x8000000000000000ULL

typedef struct {
  UINT32 Type;
  EFI_PHYSICAL_ADDRESS PhysicalStart;
  EFI_VIRTUAL_ADDRESS VirtualStart;
  UINT64 NumberOfPages;
  UINT64 Attribute;
} EFI_MEMORY_DESCRIPTOR;

typedef void (*EFI_EVENT_NOTIFY)(EFI_EVENT Event, void* Context);

// UEFI 2.10, 4.4: the boot services.
typedef struct {
  EFI_TABLE_HEADER Hdr;
  EFI_TPL (*RaiseTPL)(EFI_TPL NewTpl);
  void (*RestoreTPL)(EFI_TPL OldTpl);
  EFI_STATUS (*AllocatePages)(EFI_ALLOCATE_TYPE Type, EFI_MEMORY_TYPE MemoryType, UINTN Pages,
                              EFI_PHYSICAL_ADDRESS* Memory);
  EFI_STATUS (*FreePages)(EFI_PHYSICAL_ADDRESS Memory, UINTN Pages);
  EFI_STATUS (*GetMemoryMap)(UINTN* MapSize, EFI_MEMORY_DESCRIPTOR* Map, UINTN* Key, UINTN* DescriptorSize,
                             UINT32* DescriptorVersion);
  EFI_STATUS (*AllocatePool)(EFI_MEMORY_TYPE PoolType, UINTN Size, void** Buffer);
  EFI_STATUS (*FreePool)(void* Buffer);
  EFI_STATUS (*CreateEvent)(UINT32 Type, EFI_TPL NotifyTpl, EFI_EVENT_NOTIFY NotifyFunction, void* NotifyContext,
                            EFI_EVENT* Event);
  EFI_STATUS (*SetTimer)(EFI_EVENT Event, EFI_TIMER_DELAY Type, UINT64 TriggerTime);
  EFI_STATUS (*WaitForEvent)(UINTN Count, EFI_EVENT* Events, UINTN* Index);
  EFI_STATUS (*SignalEvent)(EFI_EVENT Event);
  EFI_STATUS (*CloseEvent)(EFI_EVENT Event);
  EFI_STATUS (*CheckEvent)(EFI_EVENT Event);
  EFI_STATUS (*InstallProtocolInterface)(EFI_HANDLE* Handle, EFI_GUID* Protocol, EFI_INTERFACE_TYPE InterfaceType,
                                         void* Interface);
  EFI_STATUS (*ReinstallProtocolInterface)(EFI_HANDLE Handle, EFI_GUID* Protocol, void* Old, void* New);
  EFI_STATUS (*UninstallProtocolInterface)(EFI_HANDLE Handle, EFI_GUID* Protocol, void* Interface);
  EFI_STATUS (*HandleProtocol)(EFI_HANDLE Handle, EFI_GUID* Protocol, void** Interface);
  void* Reserved;
  EFI_STATUS (*RegisterProtocolNotify)(EFI_GUID* Protocol, EFI_EVENT Event, void** Registration);
  EFI_STATUS (*LocateHandle)(EFI_LOCATE_SEARCH_TYPE SearchType, EFI_GUID* Protocol, void* SearchKey, UINTN* Size,
                             EFI_HANDLE* Buffer);
  EFI_STATUS (*LocateDevicePath)(EFI_GUID* Protocol, void** DevicePath, EFI_HANDLE* Device);
  EFI_STATUS (*InstallConfigurationTable)(EFI_GUID* Guid, void* Table);
  EFI_STATUS (*LoadImage)(BOOLEAN BootPolicy, EFI_HANDLE Parent, void* DevicePath, void* Source, UINTN Size,
                          EFI_HANDLE* Image);
  EFI_STATUS (*StartImage)(EFI_HANDLE Image, UINTN* ExitDataSize, CHAR16** ExitData);
  EFI_STATUS (*Exit)(EFI_HANDLE Image, EFI_STATUS Status, UINTN ExitDataSize, CHAR16* ExitData);
  EFI_STATUS (*UnloadImage)(EFI_HANDLE Image);
  EFI_STATUS (*ExitBootServices)(EFI_HANDLE Image, UINTN MapKey);
  EFI_STATUS (*GetNextMonotonicCount)(UINT64* Count);
  EFI_STATUS (*Stall)(UINTN Microseconds);
  EFI_STATUS (*SetWatchdogTimer)(UINTN Timeout, UINT64 Code, UINTN Size, CHAR16* Data);
  EFI_STATUS (*ConnectController)(EFI_HANDLE Controller, EFI_HANDLE* Driver, void* Path, BOOLEAN Recursive);
  EFI_STATUS (*DisconnectController)(EFI_HANDLE Controller, EFI_HANDLE Driver, EFI_HANDLE Child);
  EFI_STATUS (*OpenProtocol)(EFI_HANDLE Handle, EFI_GUID* Protocol, void** Interface, EFI_HANDLE Agent,
                             EFI_HANDLE Controller, UINT32 Attributes);
  EFI_STATUS (*CloseProtocol)(EFI_HANDLE Handle, EFI_GUID* Protocol, EFI_HANDLE Agent, EFI_HANDLE Controller);
  EFI_STATUS (*OpenProtocolInformation)(EFI_HANDLE Handle, EFI_GUID* Protocol, void** Entries, UINTN* Count);
  EFI_STATUS (*ProtocolsPerHandle)(EFI_HANDLE Handle, EFI_GUID*** Protocols, UINTN* Count);
  EFI_STATUS (*LocateHandleBuffer)(EFI_LOCATE_SEARCH_TYPE SearchType, EFI_GUID* Protocol, void* SearchKey, UINTN* Count,
                                   EFI_HANDLE** Buffer);
  EFI_STATUS (*LocateProtocol)(EFI_GUID* Protocol, void* Registration, void** Interface);
  EFI_STATUS (*InstallMultipleProtocolInterfaces)(EFI_HANDLE* Handle, ...);
  EFI_STATUS (*UninstallMultipleProtocolInterfaces)(EFI_HANDLE Handle, ...);
  EFI_STATUS (*CalculateCrc32)(void* Data, UINTN Size, UINT32* Crc32);
  void (*CopyMem)(void* Destination, void* Source, UINTN Length);
  void (*SetMem)(void* Buffer, UINTN Size, UINT8 Value);
  EFI_STATUS (*CreateEventEx)(UINT32 Type, EFI_TPL NotifyTpl, EFI_EVENT_NOTIFY NotifyFunction,
                              const void* NotifyContext, const EFI_GUID* EventGroup, EFI_EVENT* Event);
} EFI_BOOT_SERVICES;

// UEFI 2.10, 4.5: the runtime services.
typedef struct {
  EFI_TABLE_HEADER Hdr;
  EFI_STATUS (*GetTime)(void* Time, void* Capabilities);
  EFI_STATUS (*SetTime)(void* Time);
  EFI_STATUS (*GetWakeupTime)(BOOLEAN* Enabled, BOOLEAN* Pending, void* Time);
  EFI_STATUS (*SetWakeupTime)(BOOLEAN Enable, void* Time);
  EFI_STATUS (*SetVirtualAddressMap)(UINTN MapSize, UINTN DescriptorSize, UINT32 Version, EFI_MEMORY_DESCRIPTOR* Map);
  EFI_STATUS (*ConvertPointer)(UINTN DebugDisposition, void** Address);
  EFI_STATUS (*GetVariable)(CHAR16* Name, EFI_GUID* Vendor, UINT32* Attributes, UINTN* Size, void* Data);
  EFI_STATUS (*GetNextVariableName)(UINTN* Size, CHAR16* Name, EFI_GUID* Vendor);
  EFI_STATUS (*SetVariable)(CHAR16* Name, EFI_GUID* Vendor, UINT32 Attributes, UINTN Size, void* Data);
  EFI_STATUS (*GetNextHighMonotonicCount)(UINT32* Count);
  void (*ResetSystem)(EFI_RESET_TYPE Type, EFI_STATUS Status, UINTN Size, void* Data);
  EFI_STATUS (*UpdateCapsule)(void** Capsules, UINTN Count, EFI_PHYSICAL_ADDRESS List);
  EFI_STATUS (*QueryCapsuleCapabilities)(void** Capsules, UINTN Count, UINT64* Maximum, EFI_RESET_TYPE* Type);
  EFI_STATUS (*QueryVariableInfo)(UINT32 Attributes, UINT64* Maximum, UINT64* Remaining, UINT64* Largest);
} EFI_RUNTIME_SERVICES;

typedef struct {
  EFI_GUID VendorGuid;
  void* VendorTable;
} EFI_CONFIGURATION_TABLE;

typedef struct _EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL;
struct _EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL {
  EFI_STATUS (*Reset)(EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL* This, BOOLEAN Extended);
  EFI_STATUS (*OutputString)(EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL* This, CHAR16* Text);
};

// UEFI 2.10, 4.3: the system table.
typedef struct {
  EFI_TABLE_HEADER Hdr;
  CHAR16* FirmwareVendor;
  UINT32 FirmwareRevision;
  EFI_HANDLE ConsoleInHandle;
  void* ConIn;
  EFI_HANDLE ConsoleOutHandle;
  EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL* ConOut;
  EFI_HANDLE StandardErrorHandle;
  EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL* StdErr;
  EFI_RUNTIME_SERVICES* RuntimeServices;
  EFI_BOOT_SERVICES* BootServices;
  UINTN NumberOfTableEntries;
  EFI_CONFIGURATION_TABLE* ConfigurationTable;
} EFI_SYSTEM_TABLE;

// PI 1.9, volume 2, 7.2: the DXE services.
typedef struct {
  UINT64 BaseAddress;
  UINT64 Length;
  UINT64 Capabilities;
  UINT64 Attributes;
  int GcdMemoryType;
  EFI_HANDLE ImageHandle;
  EFI_HANDLE DeviceHandle;
} EFI_GCD_MEMORY_SPACE_DESCRIPTOR;
typedef enum {
  EfiGcdMemoryTypeNonExistent,
  EfiGcdMemoryTypeReserved,
  EfiGcdMemoryTypeSystemMemory,
  EfiGcdMemoryTypeMemoryMappedIo
} EFI_GCD_MEMORY_TYPE;
typedef struct {
  EFI_TABLE_HEADER Hdr;
  EFI_STATUS (*AddMemorySpace)(EFI_GCD_MEMORY_TYPE Type, EFI_PHYSICAL_ADDRESS Base, UINT64 Length, UINT64 Capabilities);
  EFI_STATUS (*AllocateMemorySpace)(int Type, int MemoryType, UINTN Alignment, UINT64 Length,
                                    EFI_PHYSICAL_ADDRESS* Base, EFI_HANDLE Image, EFI_HANDLE Device);
  EFI_STATUS (*FreeMemorySpace)(EFI_PHYSICAL_ADDRESS Base, UINT64 Length);
  EFI_STATUS (*RemoveMemorySpace)(EFI_PHYSICAL_ADDRESS Base, UINT64 Length);
  EFI_STATUS (*GetMemorySpaceDescriptor)(EFI_PHYSICAL_ADDRESS Base, EFI_GCD_MEMORY_SPACE_DESCRIPTOR* Descriptor);
  EFI_STATUS (*SetMemorySpaceAttributes)(EFI_PHYSICAL_ADDRESS Base, UINT64 Length, UINT64 Attributes);
  EFI_STATUS (*GetMemorySpaceMap)(UINTN* Count, EFI_GCD_MEMORY_SPACE_DESCRIPTOR** Map);
  EFI_STATUS (*AddIoSpace)(int Type, EFI_PHYSICAL_ADDRESS Base, UINT64 Length);
  EFI_STATUS (*AllocateIoSpace)(int Type, int IoType, UINTN Alignment, UINT64 Length, EFI_PHYSICAL_ADDRESS* Base,
                                EFI_HANDLE Image, EFI_HANDLE Device);
  EFI_STATUS (*FreeIoSpace)(EFI_PHYSICAL_ADDRESS Base, UINT64 Length);
  EFI_STATUS (*RemoveIoSpace)(EFI_PHYSICAL_ADDRESS Base, UINT64 Length);
  EFI_STATUS (*GetIoSpaceDescriptor)(EFI_PHYSICAL_ADDRESS Base, void* Descriptor);
  EFI_STATUS (*GetIoSpaceMap)(UINTN* Count, void** Map);
  EFI_STATUS (*Dispatch)(void);
  EFI_STATUS (*Schedule)(EFI_HANDLE Volume, const EFI_GUID* File);
  EFI_STATUS (*Trust)(EFI_HANDLE Volume, const EFI_GUID* File);
  EFI_STATUS (*ProcessFirmwareVolume)(const void* Header, UINTN Size, EFI_HANDLE* Volume);
  EFI_STATUS (*SetMemorySpaceCapabilities)(EFI_PHYSICAL_ADDRESS Base, UINT64 Length, UINT64 Capabilities);
} EFI_DXE_SERVICES;
typedef EFI_DXE_SERVICES DXE_SERVICES;

// PI 1.9, volume 4, 3: the MM system table, in the words of both editions.
typedef EFI_STATUS (*EFI_MM_HANDLER_ENTRY_POINT)(EFI_HANDLE DispatchHandle, const void* Context, void* CommBuffer,
                                                 UINTN* CommBufferSize);
typedef EFI_STATUS (*EFI_MM_NOTIFY_FN)(const EFI_GUID* Protocol, void* Interface, EFI_HANDLE Handle);
typedef void (*EFI_AP_PROCEDURE)(void* Argument);
typedef EFI_MM_HANDLER_ENTRY_POINT EFI_SMM_HANDLER_ENTRY_POINT2;
typedef EFI_MM_NOTIFY_FN EFI_SMM_NOTIFY_FN;
typedef EFI_STATUS (*EFI_MM_CPU_IO)(const void* This, int Width, UINT64 Address, UINTN Count, void* Buffer);
typedef struct {
  EFI_MM_CPU_IO Read;
  EFI_MM_CPU_IO Write;
} EFI_MM_IO_ACCESS;
typedef struct {
  EFI_MM_IO_ACCESS Mem;
  EFI_MM_IO_ACCESS Io;
} EFI_MM_CPU_IO_PROTOCOL;
typedef EFI_MM_CPU_IO_PROTOCOL EFI_SMM_CPU_IO2_PROTOCOL;

#define REDOUBT_MM_TABLE(P)                                                                                          \
  EFI_TABLE_HEADER Hdr;                                                                                              \
  CHAR16* P##FirmwareVendor;                                                                                         \
  UINT32 P##FirmwareRevision;                                                                                        \
  EFI_STATUS (*P##InstallConfigurationTable)(const void* Table, const EFI_GUID* Guid, void* Data, UINTN Size);       \
  EFI_MM_CPU_IO_PROTOCOL P##Io;                                                                                      \
  EFI_STATUS (*P##AllocatePool)(EFI_MEMORY_TYPE PoolType, UINTN Size, void** Buffer);                                \
  EFI_STATUS (*P##FreePool)(void* Buffer);                                                                           \
  EFI_STATUS (*P##AllocatePages)(EFI_ALLOCATE_TYPE Type, EFI_MEMORY_TYPE MemoryType, UINTN Pages,                    \
                                 EFI_PHYSICAL_ADDRESS * Memory);                                                     \
  EFI_STATUS (*P##FreePages)(EFI_PHYSICAL_ADDRESS Memory, UINTN Pages);                                              \
  EFI_STATUS (*P##StartupThisAp)(EFI_AP_PROCEDURE Procedure, UINTN CpuNumber, void* Arguments);                      \
  UINTN CurrentlyExecutingCpu;                                                                                       \
  UINTN NumberOfCpus;                                                                                                \
  UINTN* CpuSaveStateSize;                                                                                           \
  void** CpuSaveState;                                                                                               \
  UINTN NumberOfTableEntries;                                                                                        \
  EFI_CONFIGURATION_TABLE* P##ConfigurationTable;                                                                    \
  EFI_STATUS (*P##InstallProtocolInterface)(EFI_HANDLE * Handle, EFI_GUID * Protocol, EFI_INTERFACE_TYPE Type,       \
                                            void* Interface);                                                        \
  EFI_STATUS (*P##UninstallProtocolInterface)(EFI_HANDLE Handle, EFI_GUID * Protocol, void* Interface);              \
  EFI_STATUS (*P##HandleProtocol)(EFI_HANDLE Handle, EFI_GUID * Protocol, void** Interface);                         \
  EFI_STATUS (*P##RegisterProtocolNotify)(const EFI_GUID* Protocol, EFI_MM_NOTIFY_FN Function, void** Registration); \
  EFI_STATUS (*P##LocateHandle)(EFI_LOCATE_SEARCH_TYPE SearchType, EFI_GUID * Protocol, void* Key, UINTN* Size,      \
                                EFI_HANDLE* Buffer);                                                                 \
  EFI_STATUS (*P##LocateProtocol)(EFI_GUID * Protocol, void* Registration, void** Interface);

typedef struct _EFI_MM_SYSTEM_TABLE EFI_MM_SYSTEM_TABLE;
struct _EFI_MM_SYSTEM_TABLE {
  REDOUBT_MM_TABLE(Mm)
  EFI_STATUS (*MmiManage)(const EFI_GUID* HandlerType, const void* Context, void* CommBuffer, UINTN* CommBufferSize);
  EFI_STATUS (*MmiHandlerRegister)(EFI_MM_HANDLER_ENTRY_POINT Handler, const EFI_GUID* HandlerType,
                                   EFI_HANDLE* DispatchHandle);
  EFI_STATUS (*MmiHandlerUnRegister)(EFI_HANDLE DispatchHandle);
};
typedef struct _EFI_SMM_SYSTEM_TABLE2 EFI_SMM_SYSTEM_TABLE2;
struct _EFI_SMM_SYSTEM_TABLE2 {
  REDOUBT_MM_TABLE(Smm)
  EFI_STATUS (*SmiManage)(const EFI_GUID* HandlerType, const void* Context, void* CommBuffer, UINTN* CommBufferSize);
  EFI_STATUS (*SmiHandlerRegister)(EFI_SMM_HANDLER_ENTRY_POINT2 Handler, const EFI_GUID* HandlerType,
                                   EFI_HANDLE* DispatchHandle);
  EFI_STATUS (*SmiHandlerUnRegister)(EFI_HANDLE DispatchHandle);
};

typedef struct {
  EFI_GUID HeaderGuid;
  UINTN MessageLength;
  UINT8 Data[1];
} EFI_MM_COMMUNICATE_HEADER;
typedef EFI_MM_COMMUNICATE_HEADER EFI_SMM_COMMUNICATE_HEADER;

typedef struct {
  EFI_PHYSICAL_ADDRESS PhysicalStart;
  EFI_PHYSICAL_ADDRESS CpuStart;
  UINT64 PhysicalSize;
  UINT64 RegionState;
} EFI_MMRAM_DESCRIPTOR;
typedef EFI_MMRAM_DESCRIPTOR EFI_SMRAM_DESCRIPTOR;

extern EFI_HANDLE gImageHandle;
extern EFI_SYSTEM_TABLE* gST;
extern EFI_BOOT_SERVICES* gBS;
extern EFI_RUNTIME_SERVICES* gRT;
extern EFI_DXE_SERVICES* gDS;
extern EFI_SMM_SYSTEM_TABLE2* gSmst;
extern EFI_MM_SYSTEM_TABLE* gMmst;

// The libraries whose calls hand out or take pointers; a function that isn't declared counts as one that returns int.
void* CopyMem(void* Destination, const void* Source, UINTN Length);
void* SetMem(void* Buffer, UINTN Length, UINT8 Value);
void* ZeroMem(void* Buffer, UINTN Length);
INTN CompareMem(const void* First, const void* Second, UINTN Length);
GUID* CopyGuid(GUID* Destination, const GUID* Source);
BOOLEAN CompareGuid(const GUID* First, const GUID* Second);
void* AllocatePages(UINTN Pages);
void* AllocateRuntimePages(UINTN Pages);
void* AllocateReservedPages(UINTN Pages);
void FreePages(void* Buffer, UINTN Pages);
void* AllocateAlignedPages(UINTN Pages, UINTN Alignment);
void FreeAlignedPages(void* Buffer, UINTN Pages);
void* AllocatePool(UINTN Size);
void* AllocateRuntimePool(UINTN Size);
void* AllocateReservedPool(UINTN Size);
void* AllocateZeroPool(UINTN Size);
void* AllocateRuntimeZeroPool(UINTN Size);
void* AllocateCopyPool(UINTN Size, const void* Buffer);
void* AllocateRuntimeCopyPool(UINTN Size, const void* Buffer);
void* ReallocatePool(UINTN OldSize, UINTN NewSize, void* OldBuffer);
void FreePool(void* Buffer);
BOOLEAN SmmIsBufferOutsideSmmValid(EFI_PHYSICAL_ADDRESS Buffer, UINT64 Length);
BOOLEAN MmIsBufferOutsideMmValid(EFI_PHYSICAL_ADDRESS Buffer, UINT64 Length);
BOOLEAN MmCommBufferValid(EFI_PHYSICAL_ADDRESS Buffer, UINT64 Length);
EFI_STATUS SmmCopyMemToSmram(void* Destination, const void* Source, UINTN Length);
EFI_STATUS SmmCopyMemFromSmram(void* Destination, const void* Source, UINTN Length);
EFI_STATUS SmmCopyMem(void* Destination, const void* Source, UINTN Length);
EFI_STATUS SmmSetMem(void* Buffer, UINTN Length, UINT8 Value);
EFI_STATUS MmCopyMemToMmram(void* Destination, const void* Source, UINTN Length);
EFI_STATUS MmCopyMemFromMmram(void* Destination, const void* Source, UINTN Length);
EFI_STATUS EfiGetSystemConfigurationTable(EFI_GUID* TableGuid, void** Table);
void* GetFirstGuidHob(const EFI_GUID* Guid);
void* GetHobList(void);
UINT32 CalculateCrc32(void* Buffer, UINTN Length);
UINTN LibPcdGetSize(UINTN Token);
UINT64 AsmReadMsr64(UINT32 Index);
UINT64 AsmWriteMsr64(UINT32 Index, UINT64 Value);
UINTN AsmReadCr3(void);
UINTN AsmWriteCr3(UINTN Value);
UINT8 IoRead8(UINTN Port);
UINT8 IoWrite8(UINTN Port, UINT8 Value);

// What AutoGen.h defines for each PCD of a module; without it a read has an unknown value.
#define PcdToken(Name) _PCD_TOKEN_##Name
#define FeaturePcdGet(Name) _PCD_GET_MODE_BOOL_##Name
#define FixedPcdGet8(Name) _PCD_VALUE_##Name
#define FixedPcdGet16(Name) _PCD_VALUE_##Name
#define FixedPcdGet32(Name) _PCD_VALUE_##Name
#define FixedPcdGet64(Name) _PCD_VALUE_##Name
#define FixedPcdGetBool(Name) _PCD_VALUE_##Name
#define FixedPcdGetPtr(Name) ((void*)_PCD_VALUE_##Name)
#define PatchPcdGet8(Name) _gPcd_BinaryPatch_##Name
#define PatchPcdGet16(Name) _gPcd_BinaryPatch_##Name
#define PatchPcdGet32(Name) _gPcd_BinaryPatch_##Name
#define PatchPcdGet64(Name) _gPcd_BinaryPatch_##Name
#define PatchPcdGetBool(Name) _gPcd_BinaryPatch_##Name
#define PcdGet8(Name) _PCD_GET_MODE_8_##Name
#define PcdGet16(Name) _PCD_GET_MODE_16_##Name
#define PcdGet32(Name) _PCD_GET_MODE_32_##Name
#define PcdGet64(Name) _PCD_GET_MODE_64_##Name
#define PcdGetBool(Name) _PCD_GET_MODE_BOOL_##Name
#define PcdGetPtr(Name) ((void*)_PCD_GET_MODE_PTR_##Name)
#define PcdGetSize(Name) _PCD_GET_MODE_SIZE_##Name
#define PcdSet8S(Name, Value) ((EFI_STATUS)((UINT8)(Value) + _PCD_SET_MODE_8_##Name))
#define PcdSet16S(Name, Value) ((EFI_STATUS)((UINT16)(Value) + _PCD_SET_MODE_16_##Name))
#define PcdSet32S(Name, Value) ((EFI_STATUS)((UINT32)(Value) + _PCD_SET_MODE_32_##Name))
#define PcdSet64S(Name, Value) ((EFI_STATUS)((UINT64)(Value) + _PCD_SET_MODE_64_##Name))
#define PcdSetBoolS(Name, Value) ((EFI_STATUS)((BOOLEAN)(Value) + _PCD_SET_MODE_BOOL_##Name))
#define PcdSetPtrS(Name, Size, Value) ((EFI_STATUS)(*(Size) + ((Value) != 0) + _PCD_SET_MODE_PTR_##Name))

#endif
