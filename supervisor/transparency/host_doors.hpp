// SPDX-License-Identifier: BSD-2-Clause-Patent
// Two ways from ring 3 to ring 0 that the host sets up and that stay open in SMM: SYSENTER jumps to the
// address in its MSRs, and its LDT, which an SMI leaves loaded, may hold call gates, at an address where MM has memory
// of its own. With a hostile driver as accomplice it would choose what ring 0 executes. Closed before ring 3 runs.
//
// A third way leads out of MM: RSM has no privilege check (Intel SDM volume 2, RSM; AMD APM volume 3), so ring 3 can
// execute one, and no processor lets ring 0 trap it. The doors tell afterwards: while they are closed DR3, which an SMI
// has switched off (DR7) and RSM leaves alone, holds a mark. A CPU that enters with it left before MM reopened
// them. A reset (INIT) clears the mark. It is a number that the host doesn't know, drawn anew when it may: it could
// load the number, and have the driver that runs when its INIT comes blamed for leaving.
#pragma once

#include <cstdint>

namespace redoubt::supervisor {

// Something that the host knows less than exactly, for marks where the processor has no random numbers: a
// time to the tick, where code was interrupted. No randomness is claimed for it: docs/boundary.md says what it is
// worth.
void gather_for_marks(std::uint64_t value);

class HostDoors {
 public:
  // SYSENTER faults with a null code segment (Intel SDM volume 2); a null LDT has no selectors. May be repeated: what
  // is closed isn't taken for what the host had.
  void close();
  // Gives SYSENTER and DR3 back. RSM restores LDTR.
  void reopen();
  // The CPU was reset: what the host had is gone. Or so it looks: it may have left, and the host read the mark and
  // put something else there.
  void forget() {
    closed_ = false;
    known_ = true;
  }

  // On the CPU that closed them, when it enters again: whether ring 3 left MM on its own.
  bool left_closed();

 private:
  bool closed_ = false;
  bool known_ = true;  // the mark was never drawn, or the host has seen it
  std::uint64_t mark_ = 0;
  std::uint64_t sysenter_code_segment_ = 0;
  std::uint64_t breakpoint_ = 0;
};

}  // namespace redoubt::supervisor
