/** @file
  A library class of this tree.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#ifndef STUB_S3BOOTSCRIPTLIB_H_
#define STUB_S3BOOTSCRIPTLIB_H_

EFI_STATUS
EFIAPI
StubBootScriptSave (
  VOID
  );

#endif
