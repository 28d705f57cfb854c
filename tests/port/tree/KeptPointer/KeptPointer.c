/** @file
  Keeps an address that came in a message.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiSmm.h>
#include <Guid/Stub.h>
#include <Library/SmmServicesTableLib.h>
#include <Library/DebugLib.h>
#include <Library/SmmMemLib.h>

typedef struct {
  UINT32    *Place;
} KEPT_MESSAGE;

STATIC UINT32  *mPlace;

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
KeptPointerHandler (
  IN     EFI_HANDLE  DispatchHandle,
  IN     CONST VOID  *Context         OPTIONAL,
  IN OUT VOID        *CommBuffer      OPTIONAL,
  IN OUT UINTN       *CommBufferSize  OPTIONAL
  )
{
  if ((CommBuffer == NULL) || (CommBufferSize == NULL) || (*CommBufferSize < sizeof (KEPT_MESSAGE))) {
    return EFI_SUCCESS;
  }

  if (!SmmIsBufferOutsideSmmValid ((UINTN)CommBuffer, *CommBufferSize)) {
    return EFI_SUCCESS;
  }

  mPlace = ((KEPT_MESSAGE *)CommBuffer)->Place;
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
KeptPointerEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  EFI_HANDLE  Handle;

  Handle = NULL;
  return gSmst->SmiHandlerRegister (KeptPointerHandler, &gStubMessageGuid, &Handle);
}
