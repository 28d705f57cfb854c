/** @file
  Asks the chipset to be told of a switch.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <PiSmm.h>
#include <Guid/Stub.h>
#include <Library/SmmServicesTableLib.h>
#include <Library/DebugLib.h>

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
SwitchHandler (
  IN     EFI_HANDLE  DispatchHandle,
  IN     CONST VOID  *Context         OPTIONAL,
  IN OUT VOID        *CommBuffer      OPTIONAL,
  IN OUT UINTN       *CommBufferSize  OPTIONAL
  )
{
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
SwitchEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  EFI_STATUS            Status;
  EFI_HANDLE            Handle;
  STUB_SWITCH_PROTOCOL  *Switch;

  Status = gSmst->SmmLocateProtocol (&gStubSwitchProtocolGuid, NULL, (VOID **)&Switch);
  if (EFI_ERROR (Status)) {
    return Status;
  }

  return Switch->Register (SwitchHandler, &Handle);
}
