// SPDX-License-Identifier: BSD-2-Clause-Patent
// From the SMI to C++ and back to the host. The first part is copied to SMBASE + 0x8000 of every CPU, where it starts
// in real mode with nothing of its own but CS; it may only reach its own page. The rest runs in place. Few
// instructions: an MMI with nothing to do consists of little else.
#include "arch/x86_64/entry/offsets.h"

#define FIELD(offset) 0x8000 + offset

        .section .rodata.mmi_entry, "a"
        .globl redoubt_mmi_entry_begin, redoubt_mmi_entry_end
        .balign 16
        .code16
redoubt_mmi_entry_begin:
        lidtl   %cs:FIELD(ENTRY_EMPTY_IDT)  // the host's IDT must not serve an exception in SMM
        lgdtl   %cs:FIELD(ENTRY_GDT)
        movl    %cs:FIELD(ENTRY_CR3), %eax
        movl    %eax, %cr3
        movl    %cs:FIELD(ENTRY_CR4), %eax  // without MCE
        movl    %eax, %cr4
        movl    $0xC0000080, %ecx           // EFER: LME, NXE if there is one; SCE off
        movl    %cs:FIELD(ENTRY_EFER), %eax
        xorl    %edx, %edx
        wrmsr
        movl    %cs:FIELD(ENTRY_CPU), %ebx
        movl    $MM_CR0, %eax
        movl    %eax, %cr0
        ljmpl   *%cs:FIELD(ENTRY_FAR_OFFSET)
        .if (. - redoubt_mmi_entry_begin) > ENTRY_FIELDS
        .error "the entry code runs into its fields"
        .endif
redoubt_mmi_entry_end:

        .text
        .code64
        .globl redoubt_mmi_long_mode
redoubt_mmi_long_mode:
        movl    %ebx, %esp                  // clears the upper half, which still is the host's
        lidt    redoubt_interrupt_table_pointer(%rip)
        movb    $0x89, CPU_TASK_TYPE(%rsp)  // the last MMI left the TSS marked as busy
        movl    $0x28, %eax
        ltr     %ax
        movq    CPU_CR4(%rsp), %rax         // machine checks have a handler from here on
        movq    %rax, %cr4
        movw    $0, CPU_LEAVING(%rsp)       // and the request: a reset may have left them
        movq    %cr2, %rax
        movq    %rax, CPU_SAVED_CR2(%rsp)
        movl    $0x277, %ecx                // PAT
        rdmsr
        andl    $0xFF0000FF, %eax
        cmpl    $0x00000006, %eax
        jne     .Lset_pat
.Lpat_fits:
        movq    %rsp, %rdi
        call    supervisor_mmi
        testl   %eax, %eax
        jnz     redoubt_resume_ring3
        // Falls through.

// Leaves MM. RSP = per-CPU area; everything of C++ is done. An NMI that still gets in before RSM starts it anew.
        .globl redoubt_leave_mm
redoubt_leave_mm:
        cmpq    $0, CPU_EXIT_WORK(%rsp)
        jne     .Lexit_work
        movq    CPU_SAVED_CR2(%rsp), %rax
        movq    %rax, %cr2
        rsm
        .globl redoubt_leave_end
redoubt_leave_end:

.Lset_pat:
        rdmsr
        movl    %eax, CPU_SAVED_PAT(%rsp)
        movl    %edx, CPU_SAVED_PAT + 4(%rsp)
        andl    $0x00FFFF00, %eax
        orl     $0x00000006, %eax
        wrmsr
        movb    $1, CPU_PAT_CHANGED(%rsp)
        movq    %cr3, %rax                  // what the TLB holds was typed by the host's PAT
        movq    %rax, %cr3
        jmp     .Lpat_fits

// NMIs are blocked from the SMI on. Only an IRET ends that. Ring 3 can execute one, and procedures on other CPUs run
// with NMIs open: then NMIs meant for the host arrive here. They are counted (traps.S) and owed to it. An
// NMI sent now must stay pending until RSM, so NMIs must be blocked, and only one way leads there for certain: take
// one. So unblock, send one to ourselves, and leave from inside its handler, after sending the one for the host.
.Lexit_work:
        cmpl    $0, CPU_NMI_COUNT(%rsp)
        je      .Lnmis_done
        movq    %rsp, %rdi
        call    supervisor_keep_destination // before an NMI can cut short what would put it back
        movb    $1, CPU_LEAVING(%rsp)
        movq    %rsp, %rcx
        movl    %ss, %eax
        pushq   %rax
        pushq   %rcx
        pushfq
        pushq   $0x08
        leaq    1f(%rip), %rax
        pushq   %rax
        iretq
1:      movq    %rsp, %rdi
        call    supervisor_send_nmi_and_wait
        jmp     .Lnmi_counted               // it never came: no usable local APIC
        .globl redoubt_leave_inside_nmi
redoubt_leave_inside_nmi:
        movq    %rax, %rsp
        movq    %rsp, %rdi
        call    supervisor_send_nmi
.Lnmi_counted:
        movq    %rsp, %rdi
        call    supervisor_put_destination_back
        movl    $0, CPU_NMI_COUNT(%rsp)
        movb    $0, CPU_LEAVING(%rsp)
.Lnmis_done:
        cmpb    $0, CPU_PAT_CHANGED(%rsp)
        je      redoubt_leave_mm            // another NMI may have come
        movl    CPU_SAVED_PAT(%rsp), %eax
        movl    CPU_SAVED_PAT + 4(%rsp), %edx
        movl    $0x277, %ecx
        wrmsr
        movb    $0, CPU_PAT_CHANGED(%rsp)
        jmp     redoubt_leave_mm

        .section .note.GNU-stack, "", @progbits
