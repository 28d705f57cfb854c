// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a processor stores at SMBASE + 0xFE00 on an SMI (AMD64 APM volume 2, 10.2.3; QEMU's x86-64 processors lay it out
// the same way). A field that is not named here isn't used in MM. Written by the processor alone; RSM loads the
// registers from here again.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::abi {

struct SaveStateSegment {
  std::uint16_t selector;
  std::uint16_t attributes;
  std::uint32_t limit;
  std::uint64_t base;
};

// In `attributes`: descriptor privilege level. That of SS is the privilege level of the interrupted code.
inline constexpr std::uint16_t save_state_privilege_mask = 0x60;

struct SaveState {
  SaveStateSegment es;
  SaveStateSegment cs;
  SaveStateSegment ss;
  SaveStateSegment ds;
  SaveStateSegment fs;
  SaveStateSegment gs;
  SaveStateSegment gdtr;  // base and the low half of the limit only
  SaveStateSegment ldtr;
  SaveStateSegment idtr;  // as gdtr
  SaveStateSegment tr;
  std::uint64_t io_rip;
  std::uint64_t io_rcx;
  std::uint64_t io_rsi;
  std::uint64_t io_rdi;
  std::uint32_t io;  // of the interrupted I/O instruction; there only if the revision says so
  std::uint8_t reserved_0[12];
  std::uint64_t efer;
  std::uint8_t reserved_1[36];
  std::uint32_t revision;
  std::uint32_t smbase;
  std::uint8_t reserved_2[68];
  std::uint64_t cr4;
  std::uint64_t cr3;
  std::uint64_t cr0;
  std::uint64_t dr7;
  std::uint64_t dr6;
  std::uint64_t rflags;
  std::uint64_t rip;
  std::uint64_t r15;
  std::uint64_t r14;
  std::uint64_t r13;
  std::uint64_t r12;
  std::uint64_t r11;
  std::uint64_t r10;
  std::uint64_t r9;
  std::uint64_t r8;
  std::uint64_t rdi;
  std::uint64_t rsi;
  std::uint64_t rbp;
  std::uint64_t rsp;
  std::uint64_t rbx;
  std::uint64_t rdx;
  std::uint64_t rcx;
  std::uint64_t rax;
};
static_assert(offsetof(SaveState, ss) == 0x20 && offsetof(SaveState, gdtr) == 0x60 && offsetof(SaveState, tr) == 0x90);
static_assert(offsetof(SaveState, io) == 0xC0 && offsetof(SaveState, efer) == 0xD0);
static_assert(offsetof(SaveState, revision) == 0xFC && offsetof(SaveState, smbase) == 0x100);
static_assert(offsetof(SaveState, cr4) == 0x148 && offsetof(SaveState, rflags) == 0x170);
static_assert(offsetof(SaveState, r8) == 0x1B8 && offsetof(SaveState, rax) == 0x1F8 && sizeof(SaveState) == 0x200);

// Revision: the processor supports restarting I/O instructions, and says which one an SMI interrupted. QEMU 7.2
// doesn't.
inline constexpr std::uint32_t save_state_revision_io = 1u << 16;

// SaveState::io (AMD64 APM volume 2, 10.2.4). The port stands in bits 31:16.
inline constexpr std::uint32_t save_state_io_input = 1u << 0;
inline constexpr std::uint32_t save_state_io_valid = 1u << 1;
inline constexpr std::uint32_t save_state_io_string = 1u << 2;
inline constexpr std::uint32_t save_state_io_repeat = 1u << 3;
inline constexpr std::uint32_t save_state_io_8_bits = 1u << 4;
inline constexpr std::uint32_t save_state_io_16_bits = 1u << 5;
inline constexpr std::uint32_t save_state_io_32_bits = 1u << 6;

}  // namespace redoubt::abi
