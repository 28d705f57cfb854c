/** @file
  The variable protocol of MM, as far as this tree uses it.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#ifndef SMM_VARIABLE_H_
#define SMM_VARIABLE_H_

extern EFI_GUID  gEfiSmmVariableProtocolGuid;

typedef struct {
  EFI_STATUS    (*SmmGetVariable) (CHAR16 *VariableName, EFI_GUID *VendorGuid, UINT32 *Attributes, UINTN *DataSize, VOID *Data);
  EFI_STATUS    (*SmmGetNextVariableName) (UINTN *NameSize, CHAR16 *VariableName, EFI_GUID *VendorGuid);
  EFI_STATUS    (*SmmSetVariable) (CHAR16 *VariableName, EFI_GUID *VendorGuid, UINT32 Attributes, UINTN DataSize, VOID *Data);
} EFI_SMM_VARIABLE_PROTOCOL;

#endif
