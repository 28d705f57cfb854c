// SPDX-License-Identifier: BSD-2-Clause-Patent
// See chipset_control.hpp.
#include "launch/pei/chipset_control.hpp"

namespace redoubt::launch {

namespace q35 = platform::q35;

namespace {

// Selects a configuration register on bus 0; returns the port of the byte at `offset`.
std::uint16_t select_config(std::uint8_t device, std::uint8_t function, std::uint8_t offset) {
  const std::uint32_t address =
      0x8000'0000U | (std::uint32_t{device} << 11) | (std::uint32_t{function} << 8) | (std::uint32_t{offset} & 0xFCU);
  write_port32(q35::pci_config_address_port, address);
  return static_cast<std::uint16_t>(q35::pci_config_data_port + (offset & 3U));
}

std::uint8_t read_config8(std::uint8_t device, std::uint8_t function, std::uint8_t offset) {
  return read_port8(select_config(device, function, offset));
}

void write_config8(std::uint8_t device, std::uint8_t function, std::uint8_t offset, std::uint8_t value) {
  write_port8(select_config(device, function, offset), value);
}

}  // namespace

bool enable_smi() {
  const std::uint32_t base = read_port32(select_config(q35::lpc_device, q35::lpc_function, q35::lpc_pmbase));
  if ((base & q35::lpc_pmbase_mask) != q35::pmbase) {
    return false;
  }
  constexpr std::uint32_t wanted = q35::smi_en_global | q35::smi_en_apm;
  write_port32(q35::smi_en_port, wanted);
  return smi_enable_register() == wanted;
}

std::uint32_t smi_enable_register() { return read_port32(q35::smi_en_port); }

void disable_smi() { write_port32(q35::smi_en_port, 0); }

void raise_smi() { write_port8(q35::apm_command_port, 0); }

bool lock_smi_enable() {
  const std::uint8_t value = read_config8(q35::lpc_device, q35::lpc_function, q35::lpc_gen_pmcon_1);
  write_config8(q35::lpc_device, q35::lpc_function, q35::lpc_gen_pmcon_1,
                static_cast<std::uint8_t>(value | q35::lpc_gen_pmcon_1_smi_lock));
  return (read_config8(q35::lpc_device, q35::lpc_function, q35::lpc_gen_pmcon_1) & q35::lpc_gen_pmcon_1_smi_lock) != 0;
}

bool MmramLock::locked() const { return (smramc & q35::mch_smramc_d_lck) != 0; }

bool MmramLock::closed_and_locked() const {
  return (smramc & q35::mch_smramc_d_lck) != 0 && (smramc & q35::mch_smramc_d_open) == 0 &&
         (esmramc & q35::mch_esmramc_t_en) != 0 && default_smbase != q35::mch_default_smbase_in_ram;
}

MmramLock read_mmram_lock() {
  return {.smramc = read_config8(q35::mch_device, q35::mch_function, q35::mch_smramc),
          .esmramc = read_config8(q35::mch_device, q35::mch_function, q35::mch_esmramc),
          .default_smbase = read_config8(q35::mch_device, q35::mch_function, q35::mch_default_smbase_control)};
}

void close_and_lock_mmram() {
  const MmramLock before = read_mmram_lock();
  write_config8(q35::mch_device, q35::mch_function, q35::mch_esmramc,
                static_cast<std::uint8_t>(before.esmramc | q35::mch_esmramc_t_en));
  write_config8(q35::mch_device, q35::mch_function, q35::mch_smramc,
                static_cast<std::uint8_t>((before.smramc & ~q35::mch_smramc_d_open) | q35::mch_smramc_d_lck));
  if (before.default_smbase == q35::mch_default_smbase_in_ram) {
    write_config8(q35::mch_device, q35::mch_function, q35::mch_default_smbase_control, q35::mch_default_smbase_locked);
  }
}

void reset_cold() {
  constexpr unsigned attempts = 1000;
  for (unsigned attempt = 0; attempt < attempts; ++attempt) {
    write_port8(q35::reset_control_port, 0x02);
    write_port8(q35::reset_control_port, 0x06);
  }
  // An I/O BAR may lie over the register, left by whoever ran before. No BAR covers a triple fault.
  constexpr std::uint8_t no_interrupt_table[10] = {};
  asm volatile("lidt %0\n\tint3" : : "m"(no_interrupt_table));
  halt();
}

void halt() {
  while (true) {
    asm volatile("cli; hlt" : : : "memory");
  }
}

}  // namespace redoubt::launch
