/* SPDX-License-Identifier: BSD-2-Clause-Patent
 * What the two drivers of foreign toolchains answer, for them and for those who ask: C and C++, no types but C's. */
#ifndef FOREIGN_MESSAGES_H
#define FOREIGN_MESSAGES_H

#include <stdint.h>

/* The digest driver (gnu-efi, GCC and objcopy): folds the data of a message into one number. */
#define DIGEST_MESSAGE_GUID {0x5a1e93d2, 0x61c4, 0x4b7f, {0x8d, 0x01, 0x66, 0x6f, 0x72, 0x65, 0x69, 0x01}}
/* Its protocol for other MM drivers. */
#define DIGEST_PROTOCOL_GUID {0x5a1e93d2, 0x61c4, 0x4b7f, {0x8d, 0x01, 0x66, 0x6f, 0x72, 0x65, 0x69, 0x02}}
/* The ledger driver (mingw-w64): keeps digests of what it was sent, computed by the digest driver's protocol. */
#define LEDGER_MESSAGE_GUID {0x5a1e93d2, 0x61c4, 0x4b7f, {0x8d, 0x01, 0x66, 0x6f, 0x72, 0x65, 0x69, 0x03}}

enum { digest_sum = 0, digest_xor = 1, digest_fnv1a = 2 };

struct DigestMessage {
  uint32_t kind; /* digest_sum, ... */
  uint32_t size; /* bytes used of data */
  uint64_t status;
  uint64_t digest;
  uint64_t calls; /* messages answered so far, this one included */
  char name[16];  /* of the kind */
  uint8_t data[64];
};

enum { ledger_append = 1, ledger_read = 2 };

struct LedgerMessage {
  uint32_t operation; /* ledger_append, ledger_read */
  uint32_t size;      /* append: bytes used of data */
  uint64_t status;
  uint64_t index;  /* append: of the new entry; read: of the entry wanted */
  uint64_t digest; /* of the entry */
  uint8_t data[64];
};

#ifdef __cplusplus
static_assert(sizeof(DigestMessage) == 112 && sizeof(LedgerMessage) == 96);
#else
_Static_assert(sizeof(struct DigestMessage) == 112 && sizeof(struct LedgerMessage) == 96, "no padding");
#endif

#endif
