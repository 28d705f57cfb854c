/** @file
  What Traditional MM alone needs.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiMm.h>
#include <Guid/Stub.h>
#include <Library/SmmMemLib.h>
#include <Library/UefiBootServicesTableLib.h>

#include "Ready.h"

#define READY_VALUE  1

STATIC UINTN  mReady = READY_VALUE;

/**
  Tells DXE that the module serves.
**/
VOID
ReadyTellDxe (
  VOID
  )
{
  EFI_HANDLE  Handle;

  Handle = NULL;
  gBS->InstallProtocolInterface (&Handle, &gStubReadyProtocolGuid, EFI_NATIVE_INTERFACE, NULL);
}

/**
  Whether a message's buffer may be used.

  @param[in] Buffer  Where it starts.
  @param[in] Length  Its size.

  @return Whether it may.
**/
BOOLEAN
ReadyIsBufferValid (
  IN EFI_PHYSICAL_ADDRESS  Buffer,
  IN UINT64                Length
  )
{
  return SmmIsBufferOutsideSmmValid (Buffer, Length);
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
ReadyEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  mReady++;
  return ReadyInitialize ();
}
