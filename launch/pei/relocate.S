// SPDX-License-Identifier: BSD-2-Clause-Patent
// Two pieces of code that run in SMM in real mode, copied to SMBASE + 0x8000 by relocate.cpp. Each does its work
// through CS, whose base is SMBASE, and must stay position-independent and within its page. Offsets from SMBASE fit
// in 16 bits. Save state: AMD64 APM volume 2, table 10-1 (SMBASE at FF00h, revision identifier at FEFCh).
#define OFFSET(label, begin) 0x8000 + label - begin

        .section .rodata.relocate, "a"
        .code16

// At the default SMBASE: gives this CPU the SMBASE that the boot processor put here.
        .globl redoubt_relocate_begin, redoubt_relocate_mailbox, redoubt_relocate_end
redoubt_relocate_begin:
        movl    %cs:0xFEFC, %eax
        movl    %eax, %cs:(OFFSET(relocate_revision, redoubt_relocate_begin))
        movl    %cs:(OFFSET(redoubt_relocate_mailbox, redoubt_relocate_begin)), %eax
        movl    %eax, %cs:0xFF00
        movl    $1, %cs:(OFFSET(relocate_done, redoubt_relocate_begin))
        rsm
        .balign 4
redoubt_relocate_mailbox:       // SmiMailbox of relocate.cpp
        .long   0               // SMBASE wanted
relocate_revision:
        .long   0
relocate_done:
        .long   0
redoubt_relocate_end:

// At the new SMBASE: tells that this CPU came here.
        .globl redoubt_arrival_begin, redoubt_arrival_mailbox, redoubt_arrival_end
redoubt_arrival_begin:
        movl    %cs:0xFF00, %eax
        movl    %eax, %cs:(OFFSET(redoubt_arrival_mailbox, redoubt_arrival_begin))
        movl    %cs:0xFEFC, %eax
        movl    %eax, %cs:(OFFSET(arrival_revision, redoubt_arrival_begin))
        movl    $1, %cs:(OFFSET(arrival_done, redoubt_arrival_begin))
        rsm
        .balign 4
redoubt_arrival_mailbox:
        .long   0               // SMBASE found
arrival_revision:
        .long   0
arrival_done:
        .long   0
redoubt_arrival_end:

        .section .note.GNU-stack, "", @progbits
