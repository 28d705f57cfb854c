/** @file
  The part that both models have.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiMm.h>
#include <Guid/Stub.h>
#include <Library/MmServicesTableLib.h>

#include "Ready.h"

typedef struct {
  UINT32    Function;
  UINT32    Value;
} READY_MESSAGE;

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
ReadyHandler (
  IN     EFI_HANDLE  DispatchHandle,
  IN     CONST VOID  *Context         OPTIONAL,
  IN OUT VOID        *CommBuffer      OPTIONAL,
  IN OUT UINTN       *CommBufferSize  OPTIONAL
  )
{
  if ((CommBuffer == NULL) || (CommBufferSize == NULL) || (*CommBufferSize < sizeof (READY_MESSAGE))) {
    return EFI_SUCCESS;
  }

  if (!ReadyIsBufferValid ((UINTN)CommBuffer, *CommBufferSize)) {
    return EFI_SUCCESS;
  }

  ((READY_MESSAGE *)CommBuffer)->Value = 1;
  return EFI_SUCCESS;
}

EFI_STATUS
ReadyInitialize (
  VOID
  )
{
  EFI_HANDLE  Handle;

  Handle = NULL;
  ReadyTellDxe ();
  return gMmst->MmiHandlerRegister (ReadyHandler, &gStubMessageGuid, &Handle);
}
