// SPDX-License-Identifier: BSD-2-Clause-Patent
// The instructions that the guest programs need and C++ doesn't have, one wrapper each. No logic belongs in here.
#pragma once

#include <cstdint>

#include "arch/ports.hpp"

namespace redoubt::guest {

inline std::uint64_t read_tsc() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return std::uint64_t{high} << 32 | low;
}

using arch::in16;
using arch::in32;
using arch::in8;
using arch::out16;
using arch::out32;
using arch::out8;

inline std::uint64_t read_msr(std::uint32_t number) {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
  return std::uint64_t{high} << 32 | low;
}
inline void write_msr(std::uint32_t number, std::uint64_t value) {
  asm volatile("wrmsr"
               :
               : "c"(number), "a"(static_cast<std::uint32_t>(value)), "d"(static_cast<std::uint32_t>(value >> 32))
               : "memory");
}

#define REDOUBT_REGISTER(name, reg)                                \
  inline std::uint64_t read_##name() {                             \
    std::uint64_t value = 0;                                       \
    asm volatile("mov %%" #reg ", %0" : "=r"(value) : : "memory"); \
    return value;                                                  \
  }                                                                \
  inline void write_##name(std::uint64_t value) { asm volatile("mov %0, %%" #reg : : "r"(value) : "memory"); }
REDOUBT_REGISTER(cr0, cr0)
REDOUBT_REGISTER(cr2, cr2)
REDOUBT_REGISTER(cr4, cr4)
REDOUBT_REGISTER(dr0, dr0)
REDOUBT_REGISTER(dr1, dr1)
REDOUBT_REGISTER(dr2, dr2)
REDOUBT_REGISTER(dr3, dr3)
REDOUBT_REGISTER(dr7, dr7)
#undef REDOUBT_REGISTER

struct Cpuid {
  std::uint32_t eax, ebx, ecx, edx;
};
inline Cpuid cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
  Cpuid result{};
  asm volatile("cpuid"
               : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
               : "a"(leaf), "c"(subleaf));
  return result;
}

struct [[gnu::packed]] DescriptorTable {
  std::uint16_t limit;
  std::uint64_t base;
};
inline DescriptorTable store_gdt() {
  DescriptorTable table{};
  asm volatile("sgdt %0" : "=m"(table));
  return table;
}
inline DescriptorTable store_idt() {
  DescriptorTable table{};
  asm volatile("sidt %0" : "=m"(table));
  return table;
}
inline void load_idt(const DescriptorTable& table) { asm volatile("lidt %0" : : "m"(table) : "memory"); }
inline void load_gdt(const DescriptorTable& table) { asm volatile("lgdt %0" : : "m"(table) : "memory"); }
inline void load_ldt(std::uint16_t selector) { asm volatile("lldt %0" : : "r"(selector) : "memory"); }

inline void pause() { asm volatile("pause" : : : "memory"); }

// Interrupts off while it lives.
class InterruptsOff {
 public:
  InterruptsOff() { asm volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(flags_) : : "memory"); }
  ~InterruptsOff() {
    if ((flags_ & 0x200) != 0) {
      asm volatile("sti" : : : "memory");
    }
  }
  InterruptsOff(const InterruptsOff&) = delete;
  InterruptsOff& operator=(const InterruptsOff&) = delete;

 private:
  std::uint64_t flags_ = 0;
};

}  // namespace redoubt::guest
