// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the owner of a q35 machine can lay over addresses that MM uses, by registers that nothing locks:
//
//   RCBA       LPC bridge, register F0: 16 KiB of the chipset's own registers, which QEMU keeps like RAM. For accesses
//              of SMM too, and in front of flash.
//   PCIEXBAR   memory controller, register 60: 256 MiB of PCI configuration space
//   AHCI       00:1F.2, BAR 4: 32 I/O ports, of which the dword at 16 is an index that keeps what is written
//
// From Intel's documents 316966 and 316972 and QEMU's hw/pci-host/q35.c, hw/isa/lpc_ich9.c and hw/ide/ich.c.
#pragma once

#include <cstdint>

#include "platform/q35/pci_config.hpp"
#include "tests/guest/uefi/instructions.hpp"

namespace redoubt::guest::chipset {

using Function = platform::q35::PciFunction;
using platform::q35::lpc_bridge;
using platform::q35::memory_controller;
inline constexpr Function ahci = {0x1F, 2};

inline std::uint32_t read_config(Function function, std::uint8_t offset) {
  return platform::q35::read_pci_config32(function, offset);
}
inline void write_config(Function function, std::uint8_t offset, std::uint32_t value) {
  platform::q35::write_pci_config32(function, offset, value);
}

// The same through PCIEXBAR's window at `base`, which works while something else lies over the ports.
inline volatile std::uint32_t& config_register(std::uint64_t base, Function function, std::uint8_t offset) {
  return *reinterpret_cast<volatile std::uint32_t*>(base + (std::uint64_t{function.device} << 15) +
                                                    (std::uint64_t{function.function} << 12) + offset);
}

inline constexpr std::uint8_t rcba = 0xF0;
inline constexpr std::uint32_t rcba_enable = 1;
inline constexpr std::uint32_t rcba_bytes = 0x4000;

inline constexpr std::uint8_t pciexbar = 0x60;
inline constexpr std::uint64_t pciexbar_mask = 0xFC00'0000;

inline constexpr std::uint8_t command_register = 0x04;
inline constexpr std::uint32_t command_io = 0x01;
inline constexpr std::uint8_t bar_4 = 0x20;
inline constexpr std::uint16_t ahci_ports = 32;
inline constexpr std::uint16_t ahci_index = 16;

}  // namespace redoubt::guest::chipset
