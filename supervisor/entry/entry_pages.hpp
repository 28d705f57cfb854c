// SPDX-License-Identifier: BSD-2-Clause-Patent
// The page at SMBASE + 0x8000 of each CPU: the code all share and the few fields in which CPUs differ. Written once, at
// launch, before MMRAM is locked; afterwards no domain can write it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "arch/x86_64/entry/offsets.h"
#include "base/address.hpp"
#include "base/result.hpp"

namespace redoubt::supervisor {

// What an entry page needs to know. All addresses below 4 GiB: the code starts in real mode.
struct EntryParameters {
  LinearAddress descriptors;  // of the CPU: its GDT
  PhysicalAddress root;       // CR3
  std::uint64_t cr4;          // without machine checks
  std::uint64_t efer;
  LinearAddress cpu;        // the per-CPU area
  LinearAddress long_mode;  // where to go on in 64-bit mode
};

struct [[gnu::packed]] EntryFields {
  std::uint16_t idt_limit;
  std::uint32_t idt_base;
  std::uint16_t reserved_0;
  std::uint16_t gdt_limit;
  std::uint32_t gdt_base;
  std::uint16_t reserved_1;
  std::uint32_t cr3;
  std::uint32_t cr4;
  std::uint32_t efer;
  std::uint32_t cpu;
  std::uint32_t far_offset;
  std::uint16_t far_selector;
  std::uint16_t reserved_2;
};
static_assert(sizeof(EntryFields) == ENTRY_BYTES - ENTRY_FIELDS && ENTRY_EMPTY_IDT == ENTRY_FIELDS);
static_assert(offsetof(EntryFields, gdt_limit) == ENTRY_GDT - ENTRY_FIELDS);
static_assert(offsetof(EntryFields, cr3) == ENTRY_CR3 - ENTRY_FIELDS);
static_assert(offsetof(EntryFields, cr4) == ENTRY_CR4 - ENTRY_FIELDS);
static_assert(offsetof(EntryFields, efer) == ENTRY_EFER - ENTRY_FIELDS);
static_assert(offsetof(EntryFields, cpu) == ENTRY_CPU - ENTRY_FIELDS);
static_assert(offsetof(EntryFields, far_offset) == ENTRY_FAR_OFFSET - ENTRY_FIELDS);
static_assert(offsetof(EntryFields, far_selector) == ENTRY_FAR_SELECTOR - ENTRY_FIELDS);

// Fills `page` (4 KiB) from `code`. Errors: overflow if an address doesn't fit in 32 bits, invalid_argument if the code
// runs into its fields.
Result<void> write_entry_page(std::span<std::byte> page, std::span<const std::byte> code,
                              const EntryParameters& parameters);

// An entry page that leaves MM at once, for when there is nothing to enter.
void write_dead_entry_page(std::span<std::byte> page);

}  // namespace redoubt::supervisor
