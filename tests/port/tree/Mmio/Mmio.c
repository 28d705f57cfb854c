/** @file
  Describes its registers to DXE.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiSmm.h>
#include <Guid/Stub.h>
#include <Library/SmmServicesTableLib.h>
#include <Library/DebugLib.h>
#include <Library/DxeServicesTableLib.h>

/**
  The entry point.

  @param[in] ImageHandle  This image's handle.
  @param[in] SystemTable  The UEFI system table.

  @retval EFI_SUCCESS  The driver serves.
  @retval other        It doesn't.
**/
EFI_STATUS
EFIAPI
MmioEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  return gDS->SetMemorySpaceAttributes (0xFED40000, 0x1000, EFI_MEMORY_RUNTIME);
}
