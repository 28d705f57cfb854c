/** @file
  A library class of this tree.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#ifndef STUB_TIMERLIB_H_
#define STUB_TIMERLIB_H_

UINTN
EFIAPI
MicroSecondDelay (
  IN UINTN  MicroSeconds
  );

#endif
