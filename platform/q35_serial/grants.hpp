// SPDX-License-Identifier: BSD-2-Clause-Patent
// What this board gives drivers: what q35 does, and the debug console. On q35 that is MM's log, in which a driver could
// forge lines; here only a developer who debugs a driver reads it, and all that it does is to hand on bytes. MM's log
// is on COM1, whose ports no driver gets.
#pragma once

#include "platform/q35/grants.hpp"
#include "platform/q35_serial/devices.hpp"

namespace redoubt::platform::q35_serial {

inline constexpr policy::PortRange driver_ports[] = {{pm_timer_port, 4}, {debug_console_port, 1}};

inline constexpr policy::BoardGrants grants = {.ranges = q35::outside_ranges,
                                               .ports = {.ranges = driver_ports, .registers = q35::driver_registers},
                                               .save_state = q35::save_state_rules,
                                               .limits = q35::driver_limits,
                                               .reserve = q35::driver_reserve};

}  // namespace redoubt::platform::q35_serial
