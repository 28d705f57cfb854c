// SPDX-License-Identifier: BSD-2-Clause-Patent
// The start of an FXSAVE or XSAVE area (Intel SDM volume 1, 10.5.1 and 13.4): as much as describes a known state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace redoubt::arch {

// The legacy region and the XSAVE header. XRSTOR from it with state_components = 0 puts every requested component
// into its initial configuration and takes MXCSR from here; FXRSTOR from it loads the same x87 and SSE state.
struct alignas(64) ExtendedState {
  std::uint16_t fcw;
  std::uint16_t fsw;
  std::uint8_t abridged_tag;
  std::uint8_t reserved;
  std::uint16_t fop;
  std::uint64_t fip;
  std::uint64_t fdp;
  std::uint32_t mxcsr;
  std::uint32_t mxcsr_mask;
  std::array<std::uint8_t, 480> registers;
  std::uint64_t state_components;
  std::array<std::uint64_t, 7> header_rest;
};
static_assert(sizeof(ExtendedState) == 576 && offsetof(ExtendedState, mxcsr) == 24 &&
              offsetof(ExtendedState, state_components) == 512);

// What FNINIT and reset give: all exceptions masked, double extended precision. UEFI's calling convention asks for
// the same (UEFI 2.10, 2.3.4).
inline constexpr std::uint16_t initial_fcw = 0x037F;
inline constexpr std::uint32_t initial_mxcsr = 0x1F80;

constexpr ExtendedState initial_extended_state() {
  ExtendedState state{};
  state.fcw = initial_fcw;
  state.mxcsr = initial_mxcsr;
  return state;
}

}  // namespace redoubt::arch
