// SPDX-License-Identifier: BSD-2-Clause-Patent
// Exception vectors (AMD64 APM volume 2, 8.2).
#pragma once

#include <cstdint>

namespace redoubt::arch::vector {

inline constexpr std::uint8_t nmi = 2;
inline constexpr std::uint8_t device_not_available = 7;
inline constexpr std::uint8_t double_fault = 8;
inline constexpr std::uint8_t stack = 12;
inline constexpr std::uint8_t general_protection = 13;
inline constexpr std::uint8_t page_fault = 14;
inline constexpr std::uint8_t machine_check = 18;
inline constexpr unsigned count = 32;

}  // namespace redoubt::arch::vector
