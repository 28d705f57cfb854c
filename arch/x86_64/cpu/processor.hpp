// SPDX-License-Identifier: BSD-2-Clause-Patent
// One function for each instruction that C++ has no word for. 64-bit code at ring 0 only. No policy here: whether an
// instruction exists or may be executed is the caller's business.
#pragma once

#include <cstdint>

#include "arch/x86_64/registers/control.hpp"
#include "arch/x86_64/registers/cpuid.hpp"
#include "arch/x86_64/registers/segments.hpp"
#include "base/address.hpp"

namespace redoubt::arch {

inline CpuidLeaf cpuid_leaf(std::uint32_t leaf, std::uint32_t subleaf = 0) {
  CpuidLeaf result{};
  asm volatile("cpuid"
               : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
               : "a"(leaf), "c"(subleaf));
  return result;
}

inline std::uint64_t read_msr(std::uint32_t index) {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
  return (std::uint64_t{high} << 32) | low;
}

inline void write_msr(std::uint32_t index, std::uint64_t value) {
  asm volatile("wrmsr"
               :
               : "c"(index), "a"(static_cast<std::uint32_t>(value)), "d"(static_cast<std::uint32_t>(value >> 32))
               : "memory");
}

inline std::uint64_t read_cr0() {
  std::uint64_t value = 0;
  asm volatile("mov %%cr0, %0" : "=r"(value));
  return value;
}
inline void write_cr0(std::uint64_t value) { asm volatile("mov %0, %%cr0" : : "r"(value) : "memory"); }

inline std::uint64_t read_cr2() {
  std::uint64_t value = 0;
  asm volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}

inline void write_cr3(PhysicalAddress root) { asm volatile("mov %0, %%cr3" : : "r"(root.number) : "memory"); }
inline void write_cr4(std::uint64_t value) { asm volatile("mov %0, %%cr4" : : "r"(value) : "memory"); }

// Clears CR0.TS: the next x87 or SSE instruction won't trap.
inline void clear_task_switched() { asm volatile("clts" : : : "memory"); }
inline void set_task_switched() { write_cr0(read_cr0() | cr0::task_switched); }

inline std::uint64_t read_xcr0() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

// `area`: 64-byte aligned, as long as CPUID leaf 0xD says.
inline void xsave(void* area, std::uint64_t components) {
  asm volatile("xsave64 (%0)"
               :
               : "r"(area), "a"(static_cast<std::uint32_t>(components)),
                 "d"(static_cast<std::uint32_t>(components >> 32))
               : "memory");
}
inline void xrstor(const void* area, std::uint64_t components) {
  asm volatile("xrstor64 (%0)"
               :
               : "r"(area), "a"(static_cast<std::uint32_t>(components)),
                 "d"(static_cast<std::uint32_t>(components >> 32))
               : "memory");
}
// `area`: 16-byte aligned, 512 bytes.
inline void fxsave(void* area) { asm volatile("fxsave64 (%0)" : : "r"(area) : "memory"); }
inline void fxrstor(const void* area) { asm volatile("fxrstor64 (%0)" : : "r"(area) : "memory"); }

inline void load_gdt(const TablePointer& table) { asm volatile("lgdt %0" : : "m"(table) : "memory"); }
inline void load_idt(const TablePointer& table) { asm volatile("lidt %0" : : "m"(table) : "memory"); }
inline void load_local_descriptor_table(std::uint16_t selector) {
  asm volatile("lldt %0" : : "r"(selector) : "memory");
}
inline void load_task_register(std::uint16_t selector) { asm volatile("ltr %0" : : "r"(selector) : "memory"); }

inline void invalidate_page(LinearAddress page) { asm volatile("invlpg (%0)" : : "r"(page.number) : "memory"); }

inline std::uint64_t read_tsc() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return (std::uint64_t{high} << 32) | low;
}

// RDRAND, which must be there. False if it has nothing at the moment.
inline bool draw_random(std::uint64_t& value) {
  bool drawn = false;
  asm volatile("rdrand %0" : "=r"(value), "=@ccc"(drawn));
  return drawn;
}

inline std::uint64_t read_dr3() {
  std::uint64_t value = 0;
  asm volatile("mov %%dr3, %0" : "=r"(value));
  return value;
}
inline void write_dr3(std::uint64_t value) { asm volatile("mov %0, %%dr3" : : "r"(value)); }

// Lets NMIs in, from the next instruction on (arch/x86_64/entry/traps.S).
extern "C" void redoubt_unblock_nmis();
inline void unblock_nmis() { redoubt_unblock_nmis(); }

inline void fence_before_x2apic_write() { asm volatile("mfence\n\tlfence" : : : "memory"); }

// For good: whatever wakes the processor, it goes on with this. An NMI is taken if its gate is there.
[[noreturn]] inline void halt() {
  for (;;) {
    asm volatile("cli\n\thlt" : : : "memory");
  }
}

// A triple fault, which boards answer with a reset.
[[noreturn]] inline void shut_down() {
  load_idt({});
  asm volatile("int3");
  halt();
}

// Writes all that caches hold to memory.
inline void write_back_caches() { asm volatile("wbinvd" : : : "memory"); }

inline void spin_hint() { asm volatile("pause" : : : "memory"); }

}  // namespace redoubt::arch
