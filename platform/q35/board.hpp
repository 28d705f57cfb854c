// SPDX-License-Identifier: BSD-2-Clause-Patent
// QEMU's q35, all that platform/board.hpp asks of a board.
#pragma once

#include "platform/q35/chipset.hpp"
#include "platform/q35/grants.hpp"
#include "platform/q35/mmram_lock.hpp"

namespace redoubt::platform::q35 {

// The free-running timer of read_timer(): what it wraps at, and its speed.
inline constexpr std::uint32_t timer_mask = pm_timer_mask;
inline constexpr std::uint32_t timer_hertz = pm_timer_hertz;

// A write to it raises a software MMI.
inline constexpr std::uint16_t command_port = apm_command_port;

}  // namespace redoubt::platform::q35
