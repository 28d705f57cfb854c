// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/transparency/host_doors.hpp"

#include <atomic>

#include "arch/processor.hpp"
#include "arch/x86_64/registers/msr.hpp"

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t odd_multiplier = 0x9E37'79B9'7F4A'7C15;

// What was gathered. CPUs that add at once may lose one of their values.
std::atomic<std::uint64_t> gathered = 0;

// Each bit of the result depends on all that was gathered so far.
std::uint64_t stir(std::uint64_t value) {
  std::uint64_t sum = gathered.load(std::memory_order_relaxed) ^ value;
  for (unsigned round = 0; round < 3; ++round) {
    sum = (sum ^ (sum >> 29)) * odd_multiplier;
  }
  sum ^= sum >> 32;
  gathered.store(sum, std::memory_order_relaxed);
  return sum;
}

// In no debug register unless put there: not what a reset leaves, and an address that a breakpoint can have. Random
// where the processor has random numbers. Elsewhere it comes of what was gathered, and of how long CPUID, which ends up
// in the hypervisor if there is one, takes again and again.
std::uint64_t draw_mark() {
  constexpr unsigned tries = 16;
  constexpr unsigned low_half_shift = 17;
  const bool has_random = (arch::cpuid_leaf(arch::cpuid::features).ecx & arch::cpuid::features_ecx_rdrand) != 0;
  std::uint64_t value = 0;
  bool drawn = false;
  for (unsigned attempt = 0; attempt < tries && !drawn; ++attempt) {
    drawn = has_random && arch::draw_random(value);
    if (!drawn) {
      static_cast<void>(arch::cpuid_leaf(arch::cpuid::features));
      value = stir(arch::read_tsc());
    }
  }
  return (value >> low_half_shift) | 1;
}

}  // namespace

void gather_for_marks(std::uint64_t value) { static_cast<void>(stir(value ^ arch::read_tsc())); }

void HostDoors::close() {
  arch::load_local_descriptor_table(0);
  const std::uint64_t code_segment = arch::read_msr(arch::msr::sysenter_code_segment);
  if (!closed_ || code_segment != 0) {
    sysenter_code_segment_ = code_segment;
  }
  if (code_segment != 0) {
    arch::write_msr(arch::msr::sysenter_code_segment, 0);
  }
  const std::uint64_t breakpoint = arch::read_dr3();
  if (!closed_ || breakpoint != mark_) {
    breakpoint_ = breakpoint;
  }
  if (known_) [[unlikely]] {
    mark_ = draw_mark();
    known_ = false;
  }
  arch::write_dr3(mark_);
  closed_ = true;
}

void HostDoors::reopen() {
  if (!closed_) {
    return;
  }
  if (sysenter_code_segment_ != 0) {
    arch::write_msr(arch::msr::sysenter_code_segment, sysenter_code_segment_);
  }
  arch::write_dr3(breakpoint_);
  closed_ = false;
}

bool HostDoors::left_closed() {
  if (!closed_ || arch::read_dr3() != mark_) {
    return false;
  }
  known_ = true;
  return true;
}

}  // namespace redoubt::supervisor
