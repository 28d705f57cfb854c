/** @file
  Fills memory that a message names, after checks of the message and of that memory.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiSmm.h>
#include <Guid/Stub.h>
#include <Library/SmmServicesTableLib.h>
#include <Library/DebugLib.h>
#include <Library/SmmMemLib.h>
#include <Library/BaseMemoryLib.h>

typedef struct {
  UINT64    Address;
  UINT64    Length;
} NESTED_MESSAGE;

/**
  Answers a message.

  @param[in]     DispatchHandle  The handle of the registration.
  @param[in]     Context         Unused.
  @param[in,out] CommBuffer      The message.
  @param[in,out] CommBufferSize  Its size.

  @retval EFI_SUCCESS  Always.
**/
STATIC
EFI_STATUS
EFIAPI
NestedHandler (
  IN     EFI_HANDLE  DispatchHandle,
  IN     CONST VOID  *Context         OPTIONAL,
  IN OUT VOID        *CommBuffer      OPTIONAL,
  IN OUT UINTN       *CommBufferSize  OPTIONAL
  )
{
  NESTED_MESSAGE  *Message;
  NESTED_MESSAGE  Copy;

  if ((CommBuffer == NULL) || (CommBufferSize == NULL) || (*CommBufferSize < sizeof (NESTED_MESSAGE))) {
    return EFI_SUCCESS;
  }

  if (!SmmIsBufferOutsideSmmValid ((UINTN)CommBuffer, *CommBufferSize)) {
    return EFI_SUCCESS;
  }

  Message = CommBuffer;
  CopyMem (&Copy, Message, sizeof (Copy));
  if (!SmmIsBufferOutsideSmmValid (Copy.Address, Copy.Length)) {
    return EFI_SUCCESS;
  }

  ZeroMem ((VOID *)(UINTN)Copy.Address, (UINTN)Copy.Length);
  return EFI_SUCCESS;
}

/**
  The entry point.

  @param[in] ImageHandle  This image's handle.
  @param[in] SystemTable  The UEFI system table.

  @retval EFI_SUCCESS  The driver serves.
  @retval other        It doesn't.
**/
EFI_STATUS
EFIAPI
NestedEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  EFI_HANDLE  Handle;

  Handle = NULL;
  return gSmst->SmiHandlerRegister (NestedHandler, &gStubMessageGuid, &Handle);
}
