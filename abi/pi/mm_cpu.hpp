// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MM_CPU_PROTOCOL (PI 1.9, volume 4, 4.3): how a driver asks for registers of the code that an MMI interrupted. The
// only way to them: CpuSaveState of the system table is null.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// gEfiMmCpuProtocolGuid.
inline constexpr Guid mm_cpu_protocol_guid = {
    0xeb346b97, 0x975f, 0x4a9f, {0x8b, 0x22, 0xf8, 0xe9, 0x2b, 0xb3, 0xd5, 0x69}};

// EFI_MM_SAVE_STATE_REGISTER.
enum class MmSaveStateRegister : std::uint32_t {
  gdt_base = 4,
  idt_base = 5,
  ldt_base = 6,
  gdt_limit = 7,
  idt_limit = 8,
  ldt_limit = 9,
  ldt_info = 10,
  es = 20,
  cs = 21,
  ss = 22,
  ds = 23,
  fs = 24,
  gs = 25,
  ldtr = 26,
  tr = 27,
  dr7 = 28,
  dr6 = 29,
  r8 = 30,
  r9 = 31,
  r10 = 32,
  r11 = 33,
  r12 = 34,
  r13 = 35,
  r14 = 36,
  r15 = 37,
  rax = 38,
  rbx = 39,
  rcx = 40,
  rdx = 41,
  rsp = 42,
  rbp = 43,
  rsi = 44,
  rdi = 45,
  rip = 46,
  rflags = 51,
  cr0 = 52,
  cr3 = 53,
  cr4 = 54,
  // 256 to 287: x87 and SSE registers, which no save state of this layout holds.
  fcw = 256,
  xmm15 = 287,
  // Pseudo registers.
  io = 512,            // EFI_MM_SAVE_STATE_IO_INFO
  lma = 513,           // one byte: 32 or 64
  processor_id = 514,  // eight bytes
};

inline constexpr std::uint8_t mm_save_state_lma_32 = 32;
inline constexpr std::uint8_t mm_save_state_lma_64 = 64;

// EFI_MM_SAVE_STATE_IO_WIDTH and EFI_MM_SAVE_STATE_IO_TYPE.
enum MmSaveStateIoWidth : std::uint32_t {
  mm_save_state_io_uint8 = 0,
  mm_save_state_io_uint16 = 1,
  mm_save_state_io_uint32 = 2
};
enum MmSaveStateIoType : std::uint32_t {
  mm_save_state_io_input = 1,
  mm_save_state_io_output = 2,
  mm_save_state_io_string = 4,
  mm_save_state_io_rep_prefix = 8,
};

// EFI_MM_SAVE_STATE_IO_INFO.
struct MmSaveStateIoInfo {
  std::uint64_t data;
  std::uint16_t port;
  std::uint16_t reserved;
  std::uint32_t width;
  std::uint32_t type;
  std::uint32_t padding;
};
static_assert(sizeof(MmSaveStateIoInfo) == 24 && offsetof(MmSaveStateIoInfo, width) == 12);

struct MmCpuProtocol;
using MmReadSaveState = EfiStatus(EFIAPI*)(const MmCpuProtocol* self, UintN width, MmSaveStateRegister reg,
                                           UintN cpu_index, void* buffer);
using MmWriteSaveState = EfiStatus(EFIAPI*)(const MmCpuProtocol* self, UintN width, MmSaveStateRegister reg,
                                            UintN cpu_index, const void* buffer);
struct MmCpuProtocol {
  MmReadSaveState read_save_state;
  MmWriteSaveState write_save_state;
};

}  // namespace redoubt::abi
