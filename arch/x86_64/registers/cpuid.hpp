// SPDX-License-Identifier: BSD-2-Clause-Patent
// CPUID leaves and feature bits that decide how MM runs (Intel SDM volume 2, CPUID; AMD64 APM volume 3, appendix E).
#pragma once

#include <cstdint>

namespace redoubt::arch {

struct CpuidLeaf {
  std::uint32_t eax;
  std::uint32_t ebx;
  std::uint32_t ecx;
  std::uint32_t edx;
};

namespace cpuid {
inline constexpr std::uint32_t basic = 0;
inline constexpr std::uint32_t features = 1;
inline constexpr std::uint32_t features_ecx_xsave = 1u << 26;
inline constexpr std::uint32_t features_ecx_rdrand = 1u << 30;
inline constexpr std::uint32_t structured_features = 7;
inline constexpr std::uint32_t structured_ebx_smep = 1u << 7;
inline constexpr std::uint32_t structured_ebx_smap = 1u << 20;
inline constexpr std::uint32_t structured_ecx_umip = 1u << 2;
inline constexpr std::uint32_t extended_state = 0xD;  // ecx: bytes of an XSAVE area with every component
inline constexpr std::uint32_t extended_basic = 0x8000'0000;
inline constexpr std::uint32_t extended_features = 0x8000'0001;
inline constexpr std::uint32_t extended_edx_nx = 1u << 20;
}  // namespace cpuid

}  // namespace redoubt::arch
