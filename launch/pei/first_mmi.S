// SPDX-License-Identifier: BSD-2-Clause-Patent
// Entry code of the first MMI, copied to SMBASE + 0x8000 of the boot processor: from real mode straight to long mode
// and into the supervisor, which never returns here and puts entry code of its own in this place. Position-
// independent: in real mode CS has SMBASE as its base, in long mode everything is relative to RIP. No IDT: an
// exception before the supervisor has one is a reset that can be seen.
#include "launch/pei/first_mmi_parameters.h"

#define OFFSET(label) 0x8000 + label - redoubt_first_mmi_begin
#define PARAMETER(name) (OFFSET(redoubt_first_mmi_parameters) + FIRST_MMI_##name)

        .section .rodata.first_mmi, "a"
        .globl redoubt_first_mmi_begin, redoubt_first_mmi_long_mode, redoubt_first_mmi_parameters, redoubt_first_mmi_end
        .code16
redoubt_first_mmi_begin:
        cli
        cld
        lgdtl   %cs:PARAMETER(GDT_LIMIT)
        movl    %cs:PARAMETER(CR3), %eax
        movl    %eax, %cr3
        movl    $0x620, %eax            // PAE, OSFXSR, OSXMMEXCPT
        movl    %eax, %cr4
        movl    $0xC0000080, %ecx       // EFER
        movl    $0x100, %eax            // LME; NXE stays off
        xorl    %edx, %edx
        wrmsr
        movl    $0x80000011, %eax       // PG, ET, PE
        movl    %eax, %cr0
        ljmpl   *%cs:PARAMETER(FAR_OFFSET)

        .code64
redoubt_first_mmi_long_mode:
        movl    $FIRST_MMI_DATA_SELECTOR, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %eax, %ss
        leaq    .Lparameters(%rip), %rbx
        lidt    FIRST_MMI_IDT_LIMIT(%rbx)
        movq    FIRST_MMI_STACK_TOP(%rbx), %rsp
        movq    FIRST_MMI_RECORD(%rbx), %rdi
        xorl    %ebp, %ebp
        call    *FIRST_MMI_ENTRY(%rbx)
        ud2

        .balign 8
redoubt_first_mmi_parameters:
.Lparameters:
        .fill   FIRST_MMI_SIZE, 1, 0
redoubt_first_mmi_end:

        .section .note.GNU-stack, "", @progbits
