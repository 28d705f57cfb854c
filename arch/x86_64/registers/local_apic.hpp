// SPDX-License-Identifier: BSD-2-Clause-Patent
// The local APIC's interrupt command register (Intel SDM volume 3, 11.6.1), two 32-bit registers in memory, one 64-bit
// MSR in x2APIC mode, and its id (11.4.6).
#pragma once

#include <cstdint>

namespace redoubt::arch::local_apic {

inline constexpr std::uint32_t id = 0x20;                       // in bits 31:24
inline constexpr std::uint32_t interrupt_command_low = 0x300;   // writing it sends
inline constexpr std::uint32_t interrupt_command_high = 0x310;  // destination in bits 31:24
inline constexpr std::uint32_t delivery_pending = 1u << 12;

// Physical destination, level assert.
inline constexpr std::uint32_t command_smi = 0x0000'4200;
inline constexpr std::uint32_t command_nmi = 0x0000'4400;
// Destination shorthand: all excluding self, whatever their ids.
inline constexpr std::uint32_t to_all_others = 0x000C'0000;

}  // namespace redoubt::arch::local_apic
