// SPDX-License-Identifier: BSD-2-Clause-Patent
// Two ways from ring 3 to ring 0 that the owner of the machine sets up and that stay open in SMM: SYSENTER jumps to the
// address in his MSRs, and his LDT, which an SMI leaves loaded, may hold call gates, at an address where MM has memory
// of its own. With a hostile driver as accomplice he would choose what ring 0 executes. Closed before ring 3 runs.
#pragma once

#include <cstdint>

namespace redoubt::supervisor {

class OwnersDoors {
 public:
  // SYSENTER faults with a null code segment (Intel SDM volume 2); a null LDT has no selectors.
  void close();
  // Gives SYSENTER back. RSM restores LDTR.
  void reopen();

 private:
  std::uint64_t sysenter_code_segment_ = 0;
};

}  // namespace redoubt::supervisor
