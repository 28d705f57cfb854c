// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which protections the processors have, and the control register values that follow. Asked once, on the boot
// processor: firmware machines have equal CPUs.
#pragma once

#include <cstdint>

namespace redoubt::supervisor {

struct CpuFeatures {
  bool execute_disable;
  bool execution_prevention;    // SMEP
  bool access_prevention;       // SMAP
  bool instruction_prevention;  // UMIP
  bool xsave;
  std::uint32_t extended_state_bytes;  // of an area for everything that XSAVE or FXSAVE can store

  std::uint64_t efer() const;
  // Without machine checks: what may be loaded before there is an IDT.
  std::uint64_t early_cr4() const;
  std::uint64_t cr4() const;
};

CpuFeatures detect_features();

}  // namespace redoubt::supervisor
