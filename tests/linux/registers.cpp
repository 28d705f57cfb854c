// SPDX-License-Identifier: BSD-2-Clause-Patent
// That an MMI leaves the registers of whom it interrupts alone. User mode raises the MMIs itself (I/O privilege 3),
// with the patterns in the registers: a system call would have Linux save them first.
#include <cpuid.h>
#include <sys/io.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "checks.hpp"

namespace redoubt::tests::linux_guest {
namespace {

// What one pass loads and stores.
struct Registers {
  std::array<std::array<std::uint8_t, 16>, 8> x87;  // ST(0) to ST(7): ten bytes of each are used
  alignas(32) std::array<std::array<std::uint8_t, 32>, 16> vector;
  std::uint32_t mxcsr;
  std::uint16_t control;
};

bool has_avx() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  constexpr unsigned needed = bit_OSXSAVE | bit_AVX;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & needed) == needed;
}

#define VECTORS(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
#define LOAD_XMM(n) "movups " #n "*32(%[vector]), %%xmm" #n "\n"
#define STORE_XMM(n) "movups %%xmm" #n ", " #n "*32(%[vector_out])\n"
#define LOAD_YMM(n) "vmovups " #n "*32(%[vector]), %%ymm" #n "\n"
#define STORE_YMM(n) "vmovups %%ymm" #n ", " #n "*32(%[vector_out])\n"
#define CLOBBER(n) "xmm" #n,

// Under an emulator an MMI may come an instruction late: the pause gives it time to fall inside.
#define PASS(LOAD, STORE) \
  asm volatile(                                                                                                   \
      "fninit\n"                                                                                                  \
      "fldcw %[control]\n"                                                                                        \
      "fldt 7*16(%[x87])\n fldt 6*16(%[x87])\n fldt 5*16(%[x87])\n fldt 4*16(%[x87])\n"                           \
      "fldt 3*16(%[x87])\n fldt 2*16(%[x87])\n fldt 1*16(%[x87])\n fldt (%[x87])\n"                               \
      "ldmxcsr %[mxcsr]\n" VECTORS(LOAD)                                                                          \
      "movb $0xFF, %%al\n"                                                                                        \
      "1: outb %%al, $0xB2\n pause\n pause\n decl %[count]\n jnz 1b\n" VECTORS(STORE)                             \
      "stmxcsr %[mxcsr_out]\n"                                                                                    \
      "fnstcw %[control_out]\n"                                                                                   \
      "fstpt (%[x87_out])\n fstpt 1*16(%[x87_out])\n fstpt 2*16(%[x87_out])\n fstpt 3*16(%[x87_out])\n"           \
      "fstpt 4*16(%[x87_out])\n fstpt 5*16(%[x87_out])\n fstpt 6*16(%[x87_out])\n fstpt 7*16(%[x87_out])\n"       \
      "fninit\n"                                                                                                  \
      "ldmxcsr %[mxcsr_before]\n"                                                                                 \
      : [count] "+r"(count), [mxcsr_out] "=m"(after.mxcsr), [control_out] "=m"(after.control)                     \
      : [x87] "r"(&before.x87), [vector] "r"(&before.vector), [mxcsr] "m"(before.mxcsr),                          \
        [control] "m"(before.control), [x87_out] "r"(&after.x87), [vector_out] "r"(&after.vector),                \
        [mxcsr_before] "m"(default_mxcsr)                                                                         \
      : VECTORS(CLOBBER) "rax", "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)")

constexpr std::uint32_t default_mxcsr = 0x1F80;

void pass_xmm(const Registers& before, Registers& after, unsigned count) { PASS(LOAD_XMM, STORE_XMM); }

[[gnu::target("avx")]] void pass_ymm(const Registers& before, Registers& after, unsigned count) {
  PASS(LOAD_YMM, STORE_YMM);
}

Registers patterns(unsigned seed, bool avx) {
  Registers registers{};
  for (std::size_t i = 0; i < registers.x87.size(); ++i) {
    auto& value = registers.x87[i];
    for (std::size_t byte = 0; byte < 8; ++byte) {
      value[byte] = static_cast<std::uint8_t>(std::size_t{seed} * 13 + i * 41 + byte * 7);
    }
    value[7] |= 0x80;  // the integer bit of a normal number
    value[8] = static_cast<std::uint8_t>(seed + i);
    value[9] = static_cast<std::uint8_t>(0x3F | ((i & 1) << 7));
  }
  for (std::size_t i = 0; i < registers.vector.size(); ++i) {
    for (std::size_t byte = 0; byte < (avx ? 32U : 16U); ++byte) {
      registers.vector[i][byte] = static_cast<std::uint8_t>(std::size_t{seed} * 29 + i * 53 + byte * 11 + 1);
    }
  }
  registers.mxcsr = 0xFFBF & ~((seed & 3) << 13);  // everything masked, all flags up, rounding by seed
  registers.control = static_cast<std::uint16_t>(0x037F | ((seed & 3) << 10));
  return registers;
}

std::string difference(const Registers& before, const Registers& after) {
  for (std::size_t i = 0; i < before.x87.size(); ++i) {
    if (std::memcmp(before.x87[i].data(), after.x87[i].data(), 10) != 0) {
      return "ST(" + std::to_string(i) + ")";
    }
  }
  for (std::size_t i = 0; i < before.vector.size(); ++i) {
    if (before.vector[i] != after.vector[i]) {
      return "vector register " + std::to_string(i);
    }
  }
  if (before.mxcsr != after.mxcsr) {
    return "MXCSR";
  }
  return before.control != after.control ? "x87 control word" : "";
}

std::string hold_patterns(unsigned cpu, unsigned mmis) {
  if (iopl(3) != 0) {
    return std::string("iopl: ") + std::strerror(errno);
  }
  const bool avx = has_avx();
  constexpr unsigned mmis_per_pass = 50;
  for (unsigned done = 0; done < mmis; done += mmis_per_pass) {
    const Registers before = patterns(cpu + done, avx);
    Registers after{};
    avx ? pass_ymm(before, after, mmis_per_pass) : pass_xmm(before, after, mmis_per_pass);
    if (const std::string changed = difference(before, after); !changed.empty()) {
      return changed + " changed within MMIs " + std::to_string(done) + " to " + std::to_string(done + mmis_per_pass);
    }
  }
  return {};
}

}  // namespace

std::string check_registers(unsigned cpus, unsigned mmis) {
  return at_once(cpus, "registers", [mmis](unsigned cpu) { return hold_patterns(cpu, mmis); });
}

}  // namespace redoubt::tests::linux_guest
