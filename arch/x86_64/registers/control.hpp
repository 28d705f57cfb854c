// SPDX-License-Identifier: BSD-2-Clause-Patent
// Bits of control registers, EFER and RFLAGS (AMD64 APM volume 2, 3.1; Intel SDM volume 3, 2.5). Numbers only, so that
// assembly, C++ and host tests share them.
#pragma once

#include <cstdint>

namespace redoubt::arch {

namespace cr0 {
inline constexpr std::uint64_t protection_enable = 1u << 0;
inline constexpr std::uint64_t monitor_coprocessor = 1u << 1;
inline constexpr std::uint64_t task_switched = 1u << 3;
inline constexpr std::uint64_t extension_type = 1u << 4;
inline constexpr std::uint64_t numeric_error = 1u << 5;
inline constexpr std::uint64_t write_protect = 1u << 16;
inline constexpr std::uint64_t paging = 1u << 31;
}  // namespace cr0

namespace cr4 {
inline constexpr std::uint64_t physical_address_extension = 1u << 5;
inline constexpr std::uint64_t machine_check_enable = 1u << 6;
inline constexpr std::uint64_t os_fxsr = 1u << 9;
inline constexpr std::uint64_t os_xmm_exceptions = 1u << 10;
inline constexpr std::uint64_t user_mode_instruction_prevention = 1u << 11;
inline constexpr std::uint64_t os_xsave = 1u << 18;
inline constexpr std::uint64_t supervisor_execution_prevention = 1u << 20;
inline constexpr std::uint64_t supervisor_access_prevention = 1u << 21;
}  // namespace cr4

namespace efer {
inline constexpr std::uint64_t long_mode_enable = 1u << 8;
inline constexpr std::uint64_t no_execute_enable = 1u << 11;
}  // namespace efer

namespace xcr0 {
inline constexpr std::uint64_t sse = 1u << 1;
}  // namespace xcr0

namespace rflags {
inline constexpr std::uint64_t always_set = 1u << 1;
// CF, PF, AF, ZF, SF, DF, OF: what arithmetic and string instructions may leave behind.
inline constexpr std::uint64_t of_arithmetic = 0xCD5;
}  // namespace rflags

}  // namespace redoubt::arch
