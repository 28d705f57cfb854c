// SPDX-License-Identifier: BSD-2-Clause-Patent
// The registers of QEMU's q35 machine that MM depends on: numbers only, for 32-bit PEI and 64-bit MM alike. From
// Intel's documents 316966 (3 Series Express chipset, MCH) and 316972 (ICH9), QEMU's include/hw/pci-host/q35.h,
// include/hw/i386/ich9.h and specs/fw_cfg.rst. PEI code of the stock image has set PMBASE and TSEG when our code
// starts; MM must not read TSEGMB again, which stays writable after D_LCK. What drivers use too is in devices.hpp.
#pragma once

#include <cstdint>

#include "platform/q35/devices.hpp"

namespace redoubt::platform::q35 {

// PCI configuration mechanism 1.
inline constexpr std::uint16_t pci_config_address_port = 0xCF8;
inline constexpr std::uint16_t pci_config_data_port = 0xCFC;

// Memory controller, 00:00.0.
inline constexpr std::uint8_t mch_device = 0;
inline constexpr std::uint8_t mch_function = 0;
inline constexpr std::uint8_t mch_default_smbase_control = 0x9C;  // QEMU's own: RAM at 0x30000 can become SMRAM
inline constexpr std::uint8_t mch_default_smbase_in_ram = 0x01;
inline constexpr std::uint8_t mch_default_smbase_locked = 0x02;
inline constexpr std::uint8_t mch_smramc = 0x9D;
inline constexpr std::uint8_t mch_smramc_d_lck = 0x10;
inline constexpr std::uint8_t mch_smramc_d_open = 0x40;
inline constexpr std::uint8_t mch_esmramc = 0x9E;
inline constexpr std::uint8_t mch_esmramc_t_en = 0x01;  // set: TSEG is open to SMM alone

// LPC bridge, 00:1F.0.
inline constexpr std::uint8_t lpc_device = 0x1F;
inline constexpr std::uint8_t lpc_function = 0;
inline constexpr std::uint8_t lpc_pmbase = 0x40;
inline constexpr std::uint32_t lpc_pmbase_mask = 0xFF80;
inline constexpr std::uint8_t lpc_gen_pmcon_1 = 0xA0;
inline constexpr std::uint8_t lpc_gen_pmcon_1_smi_lock = 0x10;

// Of the register at smi_en_port.
inline constexpr std::uint32_t smi_en_global = 0x01;
inline constexpr std::uint32_t smi_en_apm = 0x20;

// Values of the command port that switch ACPI mode in QEMU and raise no SMI.
inline constexpr std::uint8_t apm_acpi_enable = 2;
inline constexpr std::uint8_t apm_acpi_disable = 3;

inline constexpr std::uint64_t local_apic_base = 0xFEE0'0000;

// Reset control: full reset with 0x06 after 0x02.
inline constexpr std::uint16_t reset_control_port = 0xCF9;

// The debug console, present when a read gives the signature.
inline constexpr std::uint16_t debug_console_port = 0x402;
inline constexpr std::uint8_t debug_console_signature = 0xE9;

// The serial console: COM1, a 16550A (National Semiconductor PC16550D) with the PC's clock of 1.8432 MHz. Registers by
// their offset from the port.
inline constexpr std::uint16_t serial_console_port = 0x3F8;
inline constexpr std::uint16_t uart_transmit = 0;          // while the divisor isn't shown there
inline constexpr std::uint16_t uart_divisor_low = 0;       // while it is
inline constexpr std::uint16_t uart_interrupt_enable = 1;  // the same
inline constexpr std::uint16_t uart_divisor_high = 1;
inline constexpr std::uint16_t uart_fifo_control = 2;
inline constexpr std::uint8_t uart_fifo_enable_empty = 0x07;
inline constexpr std::uint16_t uart_line_control = 3;
inline constexpr std::uint8_t uart_line_8n1 = 0x03;
inline constexpr std::uint8_t uart_line_show_divisor = 0x80;
inline constexpr std::uint16_t uart_modem_control = 4;
inline constexpr std::uint8_t uart_modem_dtr_rts = 0x03;
inline constexpr std::uint16_t uart_line_status = 5;
inline constexpr std::uint8_t uart_line_transmit_empty = 0x20;
inline constexpr std::uint16_t uart_scratch = 7;
inline constexpr std::uint16_t uart_divisor_115200 = 1;

// fw_cfg, port interface; the DMA address register is big-endian, its low half starts the transfer.
inline constexpr std::uint16_t fw_cfg_selector_port = 0x510;
inline constexpr std::uint16_t fw_cfg_data_port = 0x511;
inline constexpr std::uint16_t fw_cfg_dma_high_port = 0x514;
inline constexpr std::uint16_t fw_cfg_dma_low_port = 0x518;
inline constexpr std::uint16_t fw_cfg_key_signature = 0x0000;
inline constexpr std::uint16_t fw_cfg_key_features = 0x0001;
inline constexpr std::uint16_t fw_cfg_key_directory = 0x0019;
inline constexpr std::uint32_t fw_cfg_feature_dma = 0x2;
inline constexpr std::uint32_t fw_cfg_dma_error = 0x01;
inline constexpr std::uint32_t fw_cfg_dma_read = 0x02;
inline constexpr std::uint32_t fw_cfg_dma_select = 0x08;
inline constexpr std::uint32_t fw_cfg_dma_write = 0x10;

// Bits of the SMI features that QEMU negotiates over fw_cfg: with the first one every software SMI goes to all
// CPUs. The others make CPU hotplug raise SMIs and need a handler for it.
inline constexpr std::uint64_t smi_feature_broadcast = 0x1;

}  // namespace redoubt::platform::q35
