/** @file
  A library class of this tree.

  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#ifndef STUB_SHADELIB_H_
#define STUB_SHADELIB_H_

UINT32
EFIAPI
ShadeOf (
  IN UINT32  Colour
  );

#endif
