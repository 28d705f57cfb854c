// SPDX-License-Identifier: BSD-2-Clause-Patent
// The registers that tell whether MMRAM is closed and locked. No PCI access here, so that it is tested on the host.
#pragma once

#include <cstdint>

#include "platform/q35/chipset.hpp"

namespace redoubt::platform::q35 {

struct MmramLock {
  std::uint8_t smramc;
  std::uint8_t esmramc;
  std::uint8_t default_smbase;

  // MMRAM stays as it is, open or closed, until the chipset is reset.
  [[nodiscard]] constexpr bool locked() const { return (smramc & mch_smramc_d_lck) != 0; }
  // MMRAM can no longer be opened, and memory at the default SMBASE neither where the machine can hide it.
  [[nodiscard]] constexpr bool closed_and_locked() const {
    return locked() && (smramc & mch_smramc_d_open) == 0 && (esmramc & mch_esmramc_t_en) != 0 &&
           default_smbase != mch_default_smbase_in_ram;
  }
};

}  // namespace redoubt::platform::q35
