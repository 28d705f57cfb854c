// SPDX-License-Identifier: BSD-2-Clause-Patent
// Numbers that assembly shares with C++: where things stand in the per-CPU area (supervisor/cpu/cpu.hpp asserts them),
// in the entry page (supervisor/entry/entry_pages.hpp), and in a register frame. Preprocessor only.
#pragma once

// The per-CPU area. Its register frame comes first: RSP points at it whenever ring 0 starts afresh.
#define CPU_EXIT_WORK 176  // eight bytes, nonzero if leaving MM takes more than RSM: PAT flag and NMI count
#define CPU_PAT_CHANGED 176
#define CPU_NMI_COUNT 180
#define CPU_LEAVING 184
#define CPU_REQUEST 185
#define CPU_SAVED_CR2 192
#define CPU_SAVED_PAT 200
#define CPU_CR4 208
#define CPU_HOSTS_DESTINATION 216
#define CPU_GDT 224
#define CPU_TASK_TYPE (CPU_GDT + 0x28 + 5)

// Fields of an entry page, from the page's start.
#define ENTRY_FIELDS 0x100
#define ENTRY_EMPTY_IDT 0x100  // limit and base, both zero
#define ENTRY_GDT 0x108        // limit, 32-bit base
#define ENTRY_CR3 0x110
#define ENTRY_CR4 0x114
#define ENTRY_EFER 0x118
#define ENTRY_CPU 0x11C
#define ENTRY_FAR_OFFSET 0x120
#define ENTRY_FAR_SELECTOR 0x124
#define ENTRY_BYTES 0x128

// What an NMI of ours asks for.
#define REQUEST_FLUSH 1
#define REQUEST_STOP 2

#define FRAME_BYTES 176
#define FRAME_VECTOR 120
#define FRAME_RIP 136
#define FRAME_CS 144
#define FRAME_RFLAGS 152

// In the frame's place for the vector while ring 3 runs: the next entry overwrites it first of all.
#define IN_RING_3 (-1)

// PG, WP, NE, ET, TS, MP, PE.
#define MM_CR0 0x8001003B
