// SPDX-License-Identifier: BSD-2-Clause-Patent
// Everything that enters ring 0 inside an MMI: exceptions and the two doors from ring 3. From ring 3 each entry finds
// an empty stack right below the per-CPU area's register frame, fills that frame, and goes back through it; ring 0
// keeps nothing between two entries. An exception in ring 0 is a panic.
#include "arch/x86_64/entry/offsets.h"

        .text
        .code64

// One stub of 16 bytes for each vector from 0 to 0x81.
        .macro  stub vector
        .balign 16
        .if \vector == 2
        jmp     .Lnmi
        .else
        .if !(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17 || \vector == 21 || \vector == 29 || \vector == 30)
        pushq   $0
        .endif
        pushq   $\vector
        .if \vector == 8 || \vector == 18
        jmp     .Lpanic
        .else
        jmp     .Ltrap
        .endif
        .endif
        .endm

        .balign 16
        .globl redoubt_trap_stubs
redoubt_trap_stubs:
        .set    number, 0
        .rept   0x82
        stub    number
        .set    number, number + 1
        .endr

        .macro  save_registers
        pushq   %rax
        pushq   %rbx
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %rbp
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        .endm

        .balign 16
.Ltrap:
        testb   $3, 24(%rsp)                // the interrupted CS
        jz      .Lpanic
        save_registers
        pushq   $2                          // ring 3's AC and DF mean nothing here
        popfq
        movq    %rsp, %rdi
        call    supervisor_trap
        testl   %eax, %eax
        jz      redoubt_leave_mm
        // Falls through.

// Into ring 3 through the frame at RSP. RETF instead of IRET: it leaves NMIs blocked.
//
//   error_code | rip cs rflags rsp ss   becomes   error_code | rflags rip cs rsp ss
        .globl redoubt_resume_ring3
redoubt_resume_ring3:
        movq    $IN_RING_3, FRAME_VECTOR(%rsp)  // ring 0 has nothing under way from here on
        movq    FRAME_RFLAGS(%rsp), %rax
        movq    FRAME_RIP(%rsp), %rcx
        movq    FRAME_CS(%rsp), %rdx
        andl    $0xCD7, %eax                // arithmetic flags and DF
        movq    %rax, FRAME_RIP(%rsp)
        movq    %rcx, FRAME_CS(%rsp)
        movq    %rdx, FRAME_RFLAGS(%rsp)
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rbp
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rbx
        popq    %rax
        addq    $16, %rsp
        popfq
        lretq

.Lpanic:
        save_registers
        movq    %rsp, %rdi
        andq    $-16, %rsp
        pushq   $2
        popfq
        call    supervisor_panic
        ud2

// On a stack of its own, whose first word above the processor's frame is the address of the per-CPU area. One that the
// CPU running MM has announced is its own: it wants translations forgotten, and perhaps ring 3 to end.
.Lnmi:
        pushq   %rax
        movq    48(%rsp), %rax
        cmpb    $0, CPU_REQUEST(%rax)
        jne     .Lrequest
        incl    CPU_NMI_COUNT(%rax)
        cmpb    $0, CPU_LEAVING(%rax)
        jne     redoubt_leave_inside_nmi
        // On the way to RSM the CPU may have looked at the count already: it has to look again.
        pushq   %rcx
        leaq    redoubt_leave_mm(%rip), %rax
        movq    16(%rsp), %rcx
        cmpq    %rax, %rcx
        jb      .Lnmi_done
        leaq    redoubt_leave_end(%rip), %rcx
        cmpq    %rcx, 16(%rsp)
        jae     .Lnmi_done
        movq    %rax, 16(%rsp)
        jmp     .Lnmi_done

//   rcx rax | rip cs rflags rsp ss | per-CPU area
.Lrequest:
        pushq   %rcx
        movq    %cr3, %rcx
        movq    %rcx, %cr3
        xorl    %ecx, %ecx
        xchgb   %cl, CPU_REQUEST(%rax)
        cmpb    $REQUEST_STOP, %cl
        jne     .Lnmi_done
        testb   $3, 24(%rsp)                // in ring 0 there is nothing to stop
        jnz     .Lstop
.Lnmi_done:
        popq    %rcx
        popq    %rax
        iretq

// Goes on as if vector 2 had come in through the empty stack below the register frame, NMIs still blocked.
.Lstop:
        movq    %rsp, %rcx
        leaq    FRAME_BYTES(%rax), %rsp
        pushq   48(%rcx)
        pushq   40(%rcx)
        pushq   32(%rcx)
        pushq   24(%rcx)
        pushq   16(%rcx)
        pushq   $0
        pushq   $2
        movq    8(%rcx), %rax
        movq    (%rcx), %rcx
        jmp     .Ltrap

// void redoubt_unblock_nmis(): an IRET to the caller.
        .globl redoubt_unblock_nmis
redoubt_unblock_nmis:
        popq    %rcx
        movq    %rsp, %rdx
        movl    %ss, %eax
        pushq   %rax
        pushq   %rdx
        pushfq
        pushq   $0x08
        pushq   %rcx
        iretq

// How the launch ends, which didn't come in through this file: supervisor_resume(Cpu*) enters ring 3 for the first
// time, supervisor_leave_at_once() gives up. Neither returns.
        .globl supervisor_resume, supervisor_leave_at_once
supervisor_resume:
        movq    %rdi, %rsp
        jmp     redoubt_resume_ring3
supervisor_leave_at_once:
        rsm

        .section .note.GNU-stack, "", @progbits
