/** @file
  Looks for a configuration table of UEFI.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiSmm.h>
#include <Guid/Stub.h>
#include <Library/SmmServicesTableLib.h>
#include <Library/DebugLib.h>
#include <Library/UefiLib.h>

STATIC UINT32  *mTable;

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
ConfigTableHandler (
  IN     EFI_HANDLE  DispatchHandle,
  IN     CONST VOID  *Context         OPTIONAL,
  IN OUT VOID        *CommBuffer      OPTIONAL,
  IN OUT UINTN       *CommBufferSize  OPTIONAL
  )
{
  mTable[0]++;
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
ConfigTableEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  EFI_STATUS  Status;
  EFI_HANDLE  Handle;

  Status = EfiGetSystemConfigurationTable (&gStubTableGuid, (VOID **)&mTable);
  if (EFI_ERROR (Status)) {
    return Status;
  }

  Handle = NULL;
  return gSmst->SmiHandlerRegister (ConfigTableHandler, &gStubMessageGuid, &Handle);
}
