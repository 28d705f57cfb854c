/** @file
  Allocates memory of boot services for itself alone.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiSmm.h>
#include <Guid/Stub.h>
#include <Library/SmmServicesTableLib.h>
#include <Library/DebugLib.h>
#include <Library/BaseMemoryLib.h>
#include <Library/MemoryAllocationLib.h>
#include <Library/UefiBootServicesTableLib.h>

/**
  The entry point.

  @param[in] ImageHandle  This image's handle.
  @param[in] SystemTable  The UEFI system table.

  @retval EFI_SUCCESS  The driver serves.
  @retval other        It doesn't.
**/
EFI_STATUS
EFIAPI
ScratchEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  EFI_STATUS  Status;
  UINT8       *Buffer;

  Status = gBS->AllocatePool (EfiBootServicesData, 64, (VOID **)&Buffer);
  if (EFI_ERROR (Status)) {
    return Status;
  }

  ZeroMem (Buffer, 64);
  gBS->FreePool (Buffer);
  return EFI_SUCCESS;
}
