/** @file
  Has an entry point that can not be split, and something for its halves.

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
TableAndVariablesEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  UINTN  Size;

  if (SystemTable->NumberOfTableEntries == 0) {
    return EFI_NOT_FOUND;
  }

  Size = sizeof (mValue);
  return gRT->GetVariable (L"Lamp", &gStubMessageGuid, NULL, &Size, &mValue);
}
