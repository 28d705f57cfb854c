// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/transparency/owners_doors.hpp"

#include "arch/processor.hpp"
#include "arch/x86_64/registers/msr.hpp"

namespace redoubt::supervisor {
namespace {

// An address that nobody's breakpoint is at.
constexpr std::uint64_t mark = 0x0000'5244'4D4D'0001;

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
  if (!closed_ || breakpoint != mark) {
    breakpoint_ = breakpoint;
    arch::write_dr3(mark);
  }
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

bool OwnersDoors::left_closed() const { return closed_ && arch::read_dr3() == mark; }

}  // namespace redoubt::supervisor
