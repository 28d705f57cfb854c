// SPDX-License-Identifier: BSD-2-Clause-Patent
// SMI enable, and MMRAM's lock.
#include "platform/launch_control.hpp"

#include "platform/q35/pci_config.hpp"

namespace redoubt::platform {

using namespace q35;

bool enable_smi() {
  if ((read_pci_config32(lpc_bridge, lpc_pmbase) & lpc_pmbase_mask) != pmbase) {
    return false;
  }
  constexpr std::uint32_t wanted = smi_en_global | smi_en_apm;
  arch::out32(smi_en_port, wanted);
  return smi_enable_register() == wanted;
}

std::uint32_t smi_enable_register() { return arch::in32(smi_en_port); }

void disable_smi() { arch::out32(smi_en_port, 0); }

bool lock_smi_enable() {
  const std::uint8_t value = read_pci_config8(lpc_bridge, lpc_gen_pmcon_1);
  write_pci_config8(lpc_bridge, lpc_gen_pmcon_1, static_cast<std::uint8_t>(value | lpc_gen_pmcon_1_smi_lock));
  return (read_pci_config8(lpc_bridge, lpc_gen_pmcon_1) & lpc_gen_pmcon_1_smi_lock) != 0;
}

MmramLock read_mmram_lock() {
  return {.smramc = read_pci_config8(memory_controller, mch_smramc),
          .esmramc = read_pci_config8(memory_controller, mch_esmramc),
          .default_smbase = read_pci_config8(memory_controller, mch_default_smbase_control)};
}

void close_and_lock_mmram() {
  const MmramLock before = read_mmram_lock();
  write_pci_config8(memory_controller, mch_esmramc, static_cast<std::uint8_t>(before.esmramc | mch_esmramc_t_en));
  write_pci_config8(memory_controller, mch_smramc,
                    static_cast<std::uint8_t>((before.smramc & ~mch_smramc_d_open) | mch_smramc_d_lck));
  if (before.default_smbase == mch_default_smbase_in_ram) {
    write_pci_config8(memory_controller, mch_default_smbase_control, mch_default_smbase_locked);
  }
}

}  // namespace redoubt::platform
