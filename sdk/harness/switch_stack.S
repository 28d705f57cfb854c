// SPDX-License-Identifier: BSD-2-Clause-Patent
// Changes stacks within one thread of a host program, for code of drivers that runs on a stack of its own
// (sdk/harness/driver_stack.hpp). No part of any guest image. A stack that isn't running ends like this:
//
//     saved stack pointer ->  r15 r14 r13 r12 rbx rbp  return address
//
// System V convention; the call-saved registers are all that a switch has to keep.

    .text

// void redoubt_switch_stack(void** save, void* load)
    .globl redoubt_switch_stack
    .type redoubt_switch_stack, @function
redoubt_switch_stack:
    .cfi_startproc
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    .cfi_endproc

// Also where a signal handler leads that leaves a driver for good, with the stack pointer set to one that was saved.
    .globl redoubt_resume_stack
    .type redoubt_resume_stack, @function
redoubt_resume_stack:
    .cfi_startproc
    .cfi_def_cfa %rsp, 56
    .cfi_offset %rip, -8
    .cfi_offset %rbp, -16
    .cfi_offset %rbx, -24
    .cfi_offset %r12, -32
    .cfi_offset %r13, -40
    .cfi_offset %r14, -48
    .cfi_offset %r15, -56
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size redoubt_resume_stack, . - redoubt_resume_stack
    .size redoubt_switch_stack, redoubt_resume_stack - redoubt_switch_stack

// The first return address of a new stack: calls rbx(r12), which doesn't return. Debuggers' stack traces end here.
    .globl redoubt_begin_stack
    .type redoubt_begin_stack, @function
redoubt_begin_stack:
    .cfi_startproc
    .cfi_undefined %rip
    movq %r12, %rdi
    call *%rbx
    ud2
    .cfi_endproc
    .size redoubt_begin_stack, . - redoubt_begin_stack

// uint64_t redoubt_call_driver(const CallFrame*): entry point, then four arguments; Microsoft convention for the call.
// As in MM, nothing is believed of what a driver leaves in registers but the stack pointer and the result: the start-up
// code of gnu-efi, for one, gives RDI and RSI back changed.
    .globl redoubt_call_driver
    .type redoubt_call_driver, @function
redoubt_call_driver:
    .cfi_startproc
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    pushq %rbx
    .cfi_def_cfa_offset 24
    .cfi_offset %rbx, -24
    pushq %r12
    .cfi_def_cfa_offset 32
    .cfi_offset %r12, -32
    pushq %r13
    .cfi_def_cfa_offset 40
    .cfi_offset %r13, -40
    pushq %r14
    .cfi_def_cfa_offset 48
    .cfi_offset %r14, -48
    pushq %r15
    .cfi_def_cfa_offset 56
    .cfi_offset %r15, -56
    subq $40, %rsp      // home of the four arguments, and alignment
    .cfi_def_cfa_offset 96
    movq (%rdi), %rax
    movq 8(%rdi), %rcx
    movq 16(%rdi), %rdx
    movq 24(%rdi), %r8
    movq 32(%rdi), %r9
    call *%rax
    cld
    addq $40, %rsp
    .cfi_def_cfa_offset 56
    popq %r15
    .cfi_def_cfa_offset 48
    popq %r14
    .cfi_def_cfa_offset 40
    popq %r13
    .cfi_def_cfa_offset 32
    popq %r12
    .cfi_def_cfa_offset 24
    popq %rbx
    .cfi_def_cfa_offset 16
    popq %rbp
    .cfi_def_cfa_offset 8
    ret
    .cfi_endproc
    .size redoubt_call_driver, . - redoubt_call_driver

    .section .note.GNU-stack, "", @progbits
