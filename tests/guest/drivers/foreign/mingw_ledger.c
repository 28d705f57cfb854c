/* SPDX-License-Identifier: BSD-2-Clause-Patent
 * The ledger driver, built by mingw-w64: a compiler whose native convention is that of UEFI, and a linker that writes
 * PE images with base relocations. It calls the digest driver, which another compiler made, through its protocol, and
 * waits for it if it isn't there yet. */
#include "digest.h"
#include "foreign_messages.h"
#include "pi_mm.h"

#define PAGE_BYTES 4096
#define ENTRIES (PAGE_BYTES / sizeof(UINT64))

typedef struct {
  UINT64* Entries; /* one page */
  UINT64 Count;
  const DigestProtocol* Digest; /* NULL until it is installed */
} Ledger;

static const EFI_GUID MessageGuid = LEDGER_MESSAGE_GUID;
static const EFI_GUID DigestGuid = DIGEST_PROTOCOL_GUID;
static const EFI_MM_SYSTEM_TABLE* Mmst;
static Ledger* Book;

static EFI_STATUS Append(struct LedgerMessage* Message) {
  if (Message->size > sizeof(Message->data)) return EFI_INVALID_PARAMETER;
  if (Book->Digest == NULL) return EFI_NOT_READY;
  if (Book->Count == ENTRIES) return EFI_OUT_OF_RESOURCES;
  UINT64 Digest = 0;
  EFI_STATUS Status = Book->Digest->Fold(Book->Digest, digest_fnv1a, Message->data, Message->size, &Digest);
  if (EFI_ERROR(Status)) return Status;
  Message->index = Book->Count;
  Message->digest = Digest;
  Book->Entries[Book->Count++] = Digest;
  return EFI_SUCCESS;
}

static EFI_STATUS Read(struct LedgerMessage* Message) {
  if (Message->index >= Book->Count) return EFI_NOT_FOUND;
  Message->digest = Book->Entries[Message->index];
  return EFI_SUCCESS;
}

/* A table of addresses, so that the image has base relocations. */
typedef EFI_STATUS (*Operation)(struct LedgerMessage* Message);
static const Operation Operations[] = {NULL, Append, Read};

static EFI_STATUS EFIAPI Answer(EFI_HANDLE Handle, const VOID* Context, VOID* CommBuffer, UINTN* CommBufferSize) {
  (void)Handle;
  (void)Context;
  if (CommBuffer == NULL || CommBufferSize == NULL || *CommBufferSize != sizeof(struct LedgerMessage)) {
    return EFI_WARN_INTERRUPT_SOURCE_PENDING;
  }
  struct LedgerMessage* Message = CommBuffer;
  if (Message->operation != ledger_append && Message->operation != ledger_read) {
    Message->status = EFI_UNSUPPORTED;
  } else {
    Message->status = Operations[Message->operation](Message);
  }
  return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI OnDigest(const EFI_GUID* Protocol, VOID* Interface, EFI_HANDLE Handle) {
  (void)Protocol;
  (void)Handle;
  Book->Digest = Interface;
  return EFI_SUCCESS;
}

EFI_STATUS EFIAPI MmMain(EFI_HANDLE ImageHandle, const EFI_MM_SYSTEM_TABLE* SystemTable) {
  (void)ImageHandle;
  Mmst = SystemTable;
  VOID* Memory = NULL;
  EFI_STATUS Status = Mmst->MmAllocatePool(EfiRuntimeServicesData, sizeof(*Book), &Memory);
  if (EFI_ERROR(Status)) return Status;
  Book = Memory;
  EFI_PHYSICAL_ADDRESS Page = 0;
  Status = Mmst->MmAllocatePages(AllocateAnyPages, EfiRuntimeServicesData, 1, &Page);
  if (EFI_ERROR(Status)) {
    Mmst->MmFreePool(Book);
    return Status;
  }
  Book->Entries = (UINT64*)Page;
  Book->Count = 0;
  Book->Digest = NULL;
  VOID* Interface = NULL;
  if (Mmst->MmLocateProtocol((EFI_GUID*)&DigestGuid, NULL, &Interface) == EFI_SUCCESS) {
    Book->Digest = Interface;
  } else {
    VOID* Registration = NULL;
    Status = Mmst->MmRegisterProtocolNotify(&DigestGuid, OnDigest, &Registration);
    if (EFI_ERROR(Status)) return Status;
  }
  EFI_HANDLE DispatchHandle = NULL;
  return Mmst->MmiHandlerRegister(Answer, &MessageGuid, &DispatchHandle);
}
