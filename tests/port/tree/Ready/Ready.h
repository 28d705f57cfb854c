/** @file
  What the sources of this module call of each other.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#ifndef READY_H_
#define READY_H_

EFI_STATUS
ReadyInitialize (
  VOID
  );

VOID
ReadyTellDxe (
  VOID
  );

BOOLEAN
ReadyIsBufferValid (
  IN EFI_PHYSICAL_ADDRESS  Buffer,
  IN UINT64                Length
  );

#endif
