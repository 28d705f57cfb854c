/* SPDX-License-Identifier: BSD-2-Clause-Patent
 * The digest driver's protocol. */
#ifndef DIGEST_H
#define DIGEST_H

#include <efi.h>

typedef struct DigestProtocol {
  /* EFI_INVALID_PARAMETER for null pointers, EFI_UNSUPPORTED for an unknown kind. */
  EFI_STATUS(EFIAPI* Fold)(const struct DigestProtocol* This, UINT32 Kind, const VOID* Data, UINTN Size,
                           UINT64* Digest);
} DigestProtocol;

#endif
