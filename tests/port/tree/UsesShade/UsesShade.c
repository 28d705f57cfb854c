/** @file
  Links a library with a constructor.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiSmm.h>
#include <Guid/Stub.h>
#include <Library/SmmServicesTableLib.h>
#include <Library/DebugLib.h>
#include <Library/ShadeLib.h>

STATIC UINT32  mColour;

/**
  The entry point.

  @param[in] ImageHandle  This image's handle.
  @param[in] SystemTable  The UEFI system table.

  @retval EFI_SUCCESS  The driver serves.
  @retval other        It doesn't.
**/
EFI_STATUS
EFIAPI
UsesShadeEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  mColour = ShadeOf (3);
  return EFI_SUCCESS;
}
