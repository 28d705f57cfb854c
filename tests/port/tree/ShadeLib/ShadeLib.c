/** @file
  A library with a constructor.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiSmm.h>
#include <Guid/Stub.h>
#include <Library/SmmServicesTableLib.h>
#include <Library/ShadeLib.h>

STATIC UINT32  mShade;

/**
  The constructor.

  @param[in] ImageHandle  This image's handle.
  @param[in] SystemTable  The UEFI system table.

  @retval EFI_SUCCESS  The library serves.
  @retval other        It doesn't.
**/
EFI_STATUS
EFIAPI
ShadeLibConstructor (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  mShade = 7;
  return EFI_SUCCESS;
}

UINT32
EFIAPI
ShadeOf (
  IN UINT32  Colour
  )
{
  return Colour ^ mShade;
}
