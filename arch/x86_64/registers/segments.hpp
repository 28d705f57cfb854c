// SPDX-License-Identifier: BSD-2-Clause-Patent
// Descriptor tables of long mode: GDT, TSS, IDT gates (AMD64 APM volume 2, 4.8 and 8.5, 12.2.5). Long mode ignores most
// of a segment; what's left is privilege and the 64-bit flag.
//
//   selector  0x08 ring-0 code   0x10 ring-0 data   0x1B ring-3 data   0x23 ring-3 code   0x28 TSS (two entries)
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::arch {

namespace selector {
inline constexpr std::uint16_t supervisor_code = 0x08;
inline constexpr std::uint16_t supervisor_data = 0x10;
inline constexpr std::uint16_t user_data = 0x18 | 3;
inline constexpr std::uint16_t user_code = 0x20 | 3;
inline constexpr std::uint16_t task_state = 0x28;
inline constexpr std::uint16_t privilege_mask = 3;
}  // namespace selector

// Flat segments, present, already marked as accessed so that the processor never writes to the table for them.
namespace descriptor {
inline constexpr std::uint64_t supervisor_code = 0x00AF'9B00'0000'FFFF;
inline constexpr std::uint64_t supervisor_data = 0x00CF'9300'0000'FFFF;
inline constexpr std::uint64_t user_data = 0x00CF'F300'0000'FFFF;
inline constexpr std::uint64_t user_code = 0x00AF'FB00'0000'FFFF;
inline constexpr std::uint8_t type_task_available = 0x89;  // present, 64-bit TSS; LTR turns it into busy (0x8B)
}  // namespace descriptor

struct GlobalDescriptorTable {
  std::uint64_t null;
  std::uint64_t supervisor_code;
  std::uint64_t supervisor_data;
  std::uint64_t user_data;
  std::uint64_t user_code;
  std::uint64_t task_state_low;
  std::uint64_t task_state_high;
};
static_assert(offsetof(GlobalDescriptorTable, supervisor_code) == selector::supervisor_code);
static_assert(offsetof(GlobalDescriptorTable, supervisor_data) == selector::supervisor_data);
static_assert(offsetof(GlobalDescriptorTable, user_data) == (selector::user_data & ~selector::privilege_mask));
static_assert(offsetof(GlobalDescriptorTable, user_code) == (selector::user_code & ~selector::privilege_mask));
static_assert(offsetof(GlobalDescriptorTable, task_state_low) == selector::task_state);
static_assert(sizeof(GlobalDescriptorTable) == 56);

// What of the task-state segment comes before the I/O bitmap.
struct [[gnu::packed]] TaskStateSegment {
  std::uint32_t reserved_0;
  std::uint64_t stack_of_ring[3];
  std::uint64_t reserved_1;
  std::uint64_t interrupt_stack[7];  // [i] is IST i + 1
  std::uint64_t reserved_2;
  std::uint16_t reserved_3;
  std::uint16_t io_bitmap_offset;
};
static_assert(sizeof(TaskStateSegment) == 104 && offsetof(TaskStateSegment, stack_of_ring) == 4 &&
              offsetof(TaskStateSegment, interrupt_stack) == 36 && offsetof(TaskStateSegment, io_bitmap_offset) == 102);

// An offset beyond every limit: no port is allowed.
inline constexpr std::uint16_t no_io_bitmap = 0xFFFF;

constexpr std::uint64_t task_descriptor_low(std::uint64_t base, std::uint32_t limit) {
  return (limit & 0xFFFFu) | ((base & 0xFF'FFFFu) << 16) | (std::uint64_t{descriptor::type_task_available} << 40) |
         (std::uint64_t{limit & 0xF'0000u} << 32) | (((base >> 24) & 0xFFu) << 56);
}
constexpr std::uint64_t task_descriptor_high(std::uint64_t base) { return base >> 32; }

constexpr GlobalDescriptorTable global_descriptor_table(std::uint64_t task_base, std::uint32_t task_limit) {
  return {
      .null = 0,
      .supervisor_code = descriptor::supervisor_code,
      .supervisor_data = descriptor::supervisor_data,
      .user_data = descriptor::user_data,
      .user_code = descriptor::user_code,
      .task_state_low = task_descriptor_low(task_base, task_limit),
      .task_state_high = task_descriptor_high(task_base),
  };
}

struct InterruptGate {
  std::uint64_t low;
  std::uint64_t high;
};
static_assert(sizeof(InterruptGate) == 16);

// A 64-bit interrupt gate. `privilege`: the least privileged ring that may reach it by INT n. `stack`: IST number or 0.
constexpr InterruptGate interrupt_gate(std::uint64_t handler, unsigned privilege, unsigned stack) {
  return {
      .low = (handler & 0xFFFFu) | (std::uint64_t{selector::supervisor_code} << 16) |
             (std::uint64_t{stack & 7u} << 32) | (std::uint64_t{0x8Eu | (privilege & 3u) << 5} << 40) |
             (((handler >> 16) & 0xFFFFu) << 48),
      .high = handler >> 32,
  };
}

// The operand of LGDT and LIDT.
struct [[gnu::packed]] TablePointer {
  std::uint16_t limit;
  std::uint64_t base;
};
static_assert(sizeof(TablePointer) == 10);

}  // namespace redoubt::arch
