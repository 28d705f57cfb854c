// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where q35 has the devices that drivers use: all of the board that they see (through platform/devices.hpp), numbers
// only. That a device stands here gives no driver a right to it; grants.hpp does. Sources as in chipset.hpp.
#pragma once

#include <cstdint>

namespace redoubt::platform::q35 {

// The flash chip that holds the variables, with OVMF's 4 MiB layout: the second pflash, right below the firmware's code
// (edk2's OvmfPkg/OvmfPkgDefines.fdf.inc).
inline constexpr std::uint64_t variable_flash_base = 0xFFC0'0000;
inline constexpr std::uint32_t variable_flash_bytes = 0x84000;

// Whether the firmware clears memory when MemoryOverwriteRequestControl asks for it (docs/variable-semantics.md says
// what has to be there before this may be true). OVMF has no driver that makes the variable, and doesn't clear
// anything.
inline constexpr bool clears_memory_on_request = false;

// ACPI I/O block; the stock firmware puts it at 0x600.
inline constexpr std::uint16_t pmbase = 0x600;
inline constexpr std::uint16_t pm_timer_port = pmbase + 0x08;  // 24 bits
inline constexpr std::uint32_t pm_timer_mask = 0x00FF'FFFF;
inline constexpr std::uint32_t pm_timer_hertz = 3'579'545;
inline constexpr std::uint16_t smi_en_port = pmbase + 0x30;
inline constexpr std::uint32_t smi_en_tco = 0x2000;

// The TCO block: a timer that raises an MMI each time it expires, and a byte through which the OS raises one.
inline constexpr std::uint16_t tco1_status_port = pmbase + 0x64;
inline constexpr std::uint32_t tco1_software = 0x0002;  // SW_TCO_SMI
inline constexpr std::uint32_t tco1_timeout = 0x0008;   // TIMEOUT

// A write to the command port raises an SMI (not before the next instruction under TCG); MM tells what it was
// raised for from the two values, since the save state says nothing about the I/O instruction.
inline constexpr std::uint16_t apm_command_port = 0xB2;
inline constexpr std::uint16_t apm_status_port = 0xB3;

}  // namespace redoubt::platform::q35
