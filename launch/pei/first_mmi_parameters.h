// SPDX-License-Identifier: BSD-2-Clause-Patent
// Offsets that first_mmi.S and first_mmi.cpp share: what the IPL fills in behind the entry code of the first MMI.
#pragma once

#define FIRST_MMI_CR3 0
#define FIRST_MMI_FAR_OFFSET 4
#define FIRST_MMI_FAR_SELECTOR 8
#define FIRST_MMI_GDT_LIMIT 10
#define FIRST_MMI_GDT_BASE 12
#define FIRST_MMI_STACK_TOP 16
#define FIRST_MMI_RECORD 24
#define FIRST_MMI_ENTRY 32
#define FIRST_MMI_IDT_LIMIT 40
#define FIRST_MMI_IDT_BASE 42
#define FIRST_MMI_GDT 56
#define FIRST_MMI_SIZE 80

#define FIRST_MMI_CODE_SELECTOR 8
#define FIRST_MMI_DATA_SELECTOR 16
