// SPDX-License-Identifier: BSD-2-Clause-Patent
// PCI configuration space of bus 0, by mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2). Two ports are one register: where an
// interrupt handler may use them as well, interrupts must be off.
#pragma once

#include <cstdint>

#include "arch/ports.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::platform::q35 {

struct PciFunction {
  std::uint8_t device;
  std::uint8_t function;
};

inline constexpr PciFunction memory_controller = {mch_device, mch_function};
inline constexpr PciFunction lpc_bridge = {lpc_device, lpc_function};

// What the address port is told about the register that holds the byte at `offset`.
constexpr std::uint32_t pci_config_address(PciFunction of, std::uint8_t offset) {
  return 0x8000'0000U | std::uint32_t{of.device} << 11 | std::uint32_t{of.function} << 8 | (offset & 0xFCU);
}

// Selects that register; returns the port of the byte.
inline std::uint16_t select_pci_config(PciFunction of, std::uint8_t offset) {
  arch::out32(pci_config_address_port, pci_config_address(of, offset));
  return static_cast<std::uint16_t>(pci_config_data_port + (offset & 3U));
}

inline std::uint8_t read_pci_config8(PciFunction of, std::uint8_t offset) {
  return arch::in8(select_pci_config(of, offset));
}
inline std::uint32_t read_pci_config32(PciFunction of, std::uint8_t offset) {
  return arch::in32(select_pci_config(of, offset));
}
inline void write_pci_config8(PciFunction of, std::uint8_t offset, std::uint8_t value) {
  arch::out8(select_pci_config(of, offset), value);
}
inline void write_pci_config32(PciFunction of, std::uint8_t offset, std::uint32_t value) {
  arch::out32(select_pci_config(of, offset), value);
}

}  // namespace redoubt::platform::q35
