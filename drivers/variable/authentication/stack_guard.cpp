// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/stack_guard.hpp"

#include <cpuid.h>

#include <cstdint>

extern "C" {
constinit std::uint64_t __stack_chk_guard = 0;

// Called when a function of the library finds its frame overwritten, instead of returning from it. The supervisor
// contains the fault: the log names this driver, invalid opcode (6), and this function's address.
[[noreturn]] void __stack_chk_fail() { __builtin_trap(); }
}

namespace redoubt::variable {

namespace {

constexpr unsigned feature_rdrand = 1U << 30;  // CPUID leaf 1, ECX
constexpr int attempts = 10;                   // as Intel advises for RDRAND
// The guard's lowest byte, which an overrun reaches first, ends strings.
constexpr std::uint64_t terminator_mask = ~std::uint64_t{0xFF};

bool has_rdrand() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & feature_rdrand) != 0;
}

bool read_random(std::uint64_t& value) {
  bool valid = false;
  asm volatile("rdrand %0" : "=r"(value), "=@ccc"(valid));
  return valid;
}

std::uint64_t read_ticks() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return (std::uint64_t{high} << 32) | low;
}

// The finalizer of MurmurHash3: each bit of the input changes about half of the output.
std::uint64_t spread(std::uint64_t value) {
  value = (value ^ (value >> 33)) * 0xFF51AFD7ED558CCD;
  value = (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53;
  return value ^ (value >> 33);
}

}  // namespace

void set_stack_guard() {
  std::uint64_t value = 0;
  if (has_rdrand()) {
    for (int attempt = 0; attempt < attempts; ++attempt) {
      if (read_random(value)) {
        __stack_chk_guard = value & terminator_mask;
        return;
      }
    }
  }
  __stack_chk_guard = spread(read_ticks()) & terminator_mask;
}

}  // namespace redoubt::variable
