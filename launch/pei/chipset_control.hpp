// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the IPL does to q35's chipset: SMIs on, SMIs locked on, the state of MMRAM's lock, time, reset. Register facts
// are in platform/q35/chipset.hpp; whoever reads a lock back here reads the hardware, not what a PPI claims.
#pragma once

#include <cstdint>

#include "launch/pei/port_io.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::launch {

// Sets GBL_SMI_EN and APMC_EN and nothing else. False when they don't stick or the ACPI block isn't where expected.
bool enable_smi();
std::uint32_t smi_enable_register();
// Lets no SMI through any more; without effect once lock_smi_enable() has been called.
void disable_smi();

// Raises a software SMI for this CPU, and for all once broadcast was negotiated. Not synchronous: wait for an effect.
void raise_smi();

// Sets SMI_LOCK, so that GBL_SMI_EN stays set until reset; false when it doesn't read back.
bool lock_smi_enable();

struct MmramLock {
  std::uint8_t smramc;
  std::uint8_t esmramc;
  std::uint8_t default_smbase;

  // MMRAM stays as it is, open or closed, until the chipset is reset.
  bool locked() const;
  // MMRAM can no longer be opened, and memory at the default SMBASE neither where the machine can hide it.
  bool closed_and_locked() const;
};
MmramLock read_mmram_lock();

// Closes and locks MMRAM with the chipset's own registers, for paths where no PPI can be asked.
void close_and_lock_mmram();

// Waits up to `milliseconds`, by the ACPI timer, for `done` to return true, and returns what it last returned.
template <typename Condition>
bool wait_for(Condition done, std::uint32_t milliseconds) {
  namespace q35 = platform::q35;
  const std::uint32_t limit = milliseconds * (q35::pm_timer_hertz / 1000);
  std::uint32_t last = read_port32(q35::pm_timer_port);
  std::uint32_t elapsed = 0;
  while (elapsed < limit) {
    if (done()) {
      return true;
    }
    asm volatile("pause");
    const std::uint32_t now = read_port32(q35::pm_timer_port);
    elapsed += (now - last) & q35::pm_timer_mask;
    last = now;
  }
  return done();
}

// By the reset register; where that does nothing, by a triple fault.
[[noreturn]] void reset_cold();
[[noreturn]] void halt();

}  // namespace redoubt::launch
