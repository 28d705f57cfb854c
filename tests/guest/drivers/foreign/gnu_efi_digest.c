/* SPDX-License-Identifier: BSD-2-Clause-Patent
 * The digest driver, built gnu-efi's way: GCC makes a shared object, gnu-efi's start-up code relocates it while it
 * runs, objcopy makes the PE image. Its tables of pointers are there to be relocated. */
#include "digest.h"
#include "foreign_messages.h"
#include "pi_mm.h"

typedef struct {
  const char* Name;
  UINT64 Start;
  UINT64 (*Step)(UINT64 Digest, UINT8 Byte);
} Kind;

static UINT64 Sum(UINT64 Digest, UINT8 Byte) { return Digest + Byte; }
static UINT64 Xor(UINT64 Digest, UINT8 Byte) { return (Digest << 8 | Digest >> 56) ^ Byte; }
static UINT64 Fnv1a(UINT64 Digest, UINT8 Byte) { return (Digest ^ Byte) * 0x100000001b3ULL; }

static const Kind Kinds[] = {
    {"sum", 0, Sum},
    {"xor", 0, Xor},
    {"fnv1a", 0xcbf29ce484222325ULL, Fnv1a},
};

static const EFI_GUID MessageGuid = DIGEST_MESSAGE_GUID;
static const EFI_GUID ProtocolGuid = DIGEST_PROTOCOL_GUID;
static UINT64* Calls;

static EFI_STATUS EFIAPI Fold(const DigestProtocol* This, UINT32 Number, const VOID* Data, UINTN Size, UINT64* Digest) {
  if (This == NULL || Digest == NULL || (Data == NULL && Size != 0)) return EFI_INVALID_PARAMETER;
  if (Number >= sizeof(Kinds) / sizeof(Kinds[0])) return EFI_UNSUPPORTED;
  UINT64 Value = Kinds[Number].Start;
  for (UINTN Index = 0; Index < Size; ++Index) Value = Kinds[Number].Step(Value, ((const UINT8*)Data)[Index]);
  *Digest = Value;
  return EFI_SUCCESS;
}

static DigestProtocol Protocol = {Fold};

static EFI_STATUS EFIAPI Answer(EFI_HANDLE Handle, const VOID* Context, VOID* CommBuffer, UINTN* CommBufferSize) {
  (void)Handle;
  (void)Context;
  if (CommBuffer == NULL || CommBufferSize == NULL || *CommBufferSize != sizeof(struct DigestMessage)) {
    return EFI_WARN_INTERRUPT_SOURCE_PENDING;
  }
  struct DigestMessage* Message = CommBuffer;
  Message->calls = ++*Calls;
  if (Message->size > sizeof(Message->data)) {
    Message->status = EFI_INVALID_PARAMETER;
    return EFI_SUCCESS;
  }
  Message->status = Fold(&Protocol, Message->kind, Message->data, Message->size, &Message->digest);
  if (Message->status == EFI_SUCCESS) {
    const char* Name = Kinds[Message->kind].Name;
    UINTN Length = 0;
    for (; Name[Length] != 0 && Length + 1 < sizeof(Message->name); ++Length) Message->name[Length] = Name[Length];
    for (; Length < sizeof(Message->name); ++Length) Message->name[Length] = 0;
  }
  return EFI_SUCCESS;
}

/* gnu-efi's start-up code calls this under the System V convention. */
EFI_STATUS efi_main(EFI_HANDLE ImageHandle, EFI_SYSTEM_TABLE* SystemTable) {
  const EFI_MM_SYSTEM_TABLE* Mmst = (const EFI_MM_SYSTEM_TABLE*)SystemTable;
  (void)ImageHandle;
  if (Mmst->Hdr.Signature != MM_MMST_SIGNATURE) return EFI_UNSUPPORTED;
  VOID* Memory = NULL;
  EFI_STATUS Status = Mmst->MmAllocatePool(EfiRuntimeServicesData, sizeof(*Calls), &Memory);
  if (EFI_ERROR(Status)) return Status;
  Calls = Memory;
  *Calls = 0;
  EFI_HANDLE Handle = NULL;
  Status = Mmst->MmInstallProtocolInterface(&Handle, (EFI_GUID*)&ProtocolGuid, EFI_NATIVE_INTERFACE, &Protocol);
  if (EFI_ERROR(Status)) return Status;
  EFI_HANDLE DispatchHandle = NULL;
  return Mmst->MmiHandlerRegister(Answer, &MessageGuid, &DispatchHandle);
}
