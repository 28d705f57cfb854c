// SPDX-License-Identifier: BSD-2-Clause-Patent
// What QEMU's own trace says about a boot, whatever the firmware claims: how many MMIs were requested through port
// 0xB2, and whether MMRAM was locked before PCI was enumerated, which DXE does. Works for any q35 image whose PEI
// programs PCIEXBAR once, which is taken for the start of a boot.
#pragma once

#include <cstdint>
#include <string_view>

namespace redoubt::tool::boot {

struct Witness {
  std::uint64_t mmi_requests = 0;  // writes to the APM control port 0xB2, over all boots
  std::uint64_t mmram_locks = 0;   // times that D_LCK of the host bridge was set
  bool pci_enumerated = false;     // a base address register was written
  bool locked = false;             // D_LCK of the host bridge was set
  bool locked_before_pci = false;  // and it was before that

  // Takes one line of the log of QEMU's trace events apm_io_write and pci_cfg_write.
  void apply(std::string_view line);
};

// The trace events that Witness needs.
inline constexpr std::string_view witness_events[] = {"apm_io_write", "pci_cfg_write"};

}  // namespace redoubt::tool::boot
