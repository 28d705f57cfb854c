// SPDX-License-Identifier: BSD-2-Clause-Patent
// The few model-specific registers that the supervisor reads or writes (Intel SDM volume 4). The system call MSRs and
// KERNEL_GS_BASE are missing on purpose: nothing in MM uses them, so nothing has to restore them.
#pragma once

#include <cstdint>

namespace redoubt::arch {

namespace msr {
inline constexpr std::uint32_t apic_base = 0x1B;
inline constexpr std::uint32_t sysenter_code_segment = 0x174;
inline constexpr std::uint32_t page_attribute_table = 0x277;
inline constexpr std::uint32_t x2apic_id = 0x802;
inline constexpr std::uint32_t x2apic_interrupt_command = 0x830;
inline constexpr std::uint32_t efer = 0xC000'0080;
}  // namespace msr

namespace apic_base {
inline constexpr std::uint64_t x2apic_enable = 1u << 10;
inline constexpr std::uint64_t enable = 1u << 11;
inline constexpr std::uint64_t address_mask = 0x000F'FFFF'FFFF'F000;
}  // namespace apic_base

// Page tables of MM use PAT entries 0 (write-back) and 3 (uncached, for PCD and PWT set). Both lie in the low half.
namespace pat {
inline constexpr std::uint64_t used_mask = 0xFF00'00FF;
inline constexpr std::uint64_t used_value = 0x0000'0006;
}  // namespace pat

}  // namespace redoubt::arch
