/** @file
  GUIDs and protocols of this tree.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#ifndef STUB_H_
#define STUB_H_

extern EFI_GUID  gStubMessageGuid;
extern EFI_GUID  gStubTableGuid;
extern EFI_GUID  gStubLampProtocolGuid;
extern EFI_GUID  gStubMainsProtocolGuid;
extern EFI_GUID  gStubReadyProtocolGuid;
extern EFI_GUID  gStubSwitchProtocolGuid;
extern EFI_GUID  gEfiEventExitBootServicesGuid;

typedef struct {
  UINT32    (EFIAPI *Volts) (VOID);
} STUB_MAINS_PROTOCOL;

typedef
EFI_STATUS
(EFIAPI *STUB_SWITCH_DISPATCH) (
  IN     EFI_HANDLE  DispatchHandle,
  IN     CONST VOID  *Context,
  IN OUT VOID        *CommBuffer,
  IN OUT UINTN       *CommBufferSize
  );

typedef struct {
  EFI_STATUS    (EFIAPI *Register) (STUB_SWITCH_DISPATCH Dispatch, EFI_HANDLE *Handle);
} STUB_SWITCH_PROTOCOL;

#endif
