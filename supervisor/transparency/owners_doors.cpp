// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/transparency/owners_doors.hpp"

#include "arch/processor.hpp"
#include "arch/x86_64/registers/msr.hpp"

namespace redoubt::supervisor {
namespace {

// In no debug register unless put there: not what a reset leaves, and an address that a breakpoint can have.
std::uint64_t draw_mark() {
  constexpr unsigned tries = 16;
  constexpr std::uint64_t odd_multiplier = 0x9E37'79B9'7F4A'7C15;
  constexpr unsigned low_half_shift = 17;
  std::uint64_t value = 0;
  bool drawn = false;
  if ((arch::cpuid_leaf(arch::cpuid::features).ecx & arch::cpuid::features_ecx_rdrand) != 0) {
    for (unsigned attempt = 0; attempt < tries && !drawn; ++attempt) {
      drawn = arch::draw_random(value);
    }
  }
  if (!drawn) {
    value = (arch::read_tsc() * odd_multiplier) ^ (arch::read_tsc() << 32);
    value = (value ^ (value >> 29)) * odd_multiplier;
  }
  return (value >> low_half_shift) | 1;
}

}  // namespace

void OwnersDoors::close() {
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

void OwnersDoors::reopen() {
  if (!closed_) {
    return;
  }
  if (sysenter_code_segment_ != 0) {
    arch::write_msr(arch::msr::sysenter_code_segment, sysenter_code_segment_);
  }
  arch::write_dr3(breakpoint_);
  closed_ = false;
}

bool OwnersDoors::left_closed() {
  if (!closed_ || arch::read_dr3() != mark_) {
    return false;
  }
  known_ = true;
  return true;
}

}  // namespace redoubt::supervisor
