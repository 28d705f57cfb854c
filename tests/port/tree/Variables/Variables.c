/** @file
  Reads a variable by runtime services.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiSmm.h>
#include <Guid/Stub.h>
#include <Library/SmmServicesTableLib.h>
#include <Library/DebugLib.h>
#include <Library/UefiRuntimeServicesTableLib.h>

STATIC UINT8  mValue;

/**
  The entry point.

  @param[in] ImageHandle  This image's handle.
  @param[in] SystemTable  The UEFI system table.

  @retval EFI_SUCCESS  The driver serves.
  @retval other        It doesn't.
**/
EFI_STATUS
EFIAPI
VariablesEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  UINTN  Size;

  Size = sizeof (mValue);
  return gRT->GetVariable (L"Lamp", &gStubMessageGuid, NULL, &Size, &mValue);
}
