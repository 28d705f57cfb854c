// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/transparency/owners_doors.hpp"

#include "arch/processor.hpp"
#include "arch/x86_64/registers/msr.hpp"

namespace redoubt::supervisor {

void OwnersDoors::close() {
  arch::load_local_descriptor_table(0);
  sysenter_code_segment_ = arch::read_msr(arch::msr::sysenter_code_segment);
  if (sysenter_code_segment_ != 0) {
    arch::write_msr(arch::msr::sysenter_code_segment, 0);
  }
}

void OwnersDoors::reopen() {
  if (sysenter_code_segment_ != 0) {
    arch::write_msr(arch::msr::sysenter_code_segment, sysenter_code_segment_);
    sysenter_code_segment_ = 0;
  }
}

}  // namespace redoubt::supervisor
