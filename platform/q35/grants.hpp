// SPDX-License-Identifier: BSD-2-Clause-Patent
// What q35 gives drivers. Everything that isn't named here is closed to ring 3; policy/ decides by these lists.
#pragma once

#include "abi/redoubt/image_names.hpp"
#include "platform/q35/chipset.hpp"
#include "platform/q35/devices.hpp"
#include "policy/board_grants.hpp"

namespace redoubt::platform::q35 {

// The variable store's part of the flash (both are read-write; QEMU accepts commands in SMM alone), and the local
// APIC, which the supervisor needs to call other CPUs in.
inline constexpr policy::OutsideRange outside_ranges[] = {
    {variable_flash_base, variable_flash_bytes, policy::RangeAccess::drivers, policy::RangeCache::uncached,
     "variable store flash"},
    {local_apic_base, 0x1000, policy::RangeAccess::supervisor_only, policy::RangeCache::uncached, "local APIC"},
};

// Ports that drivers may use with instructions of their own: the ACPI PM timer. Not the debug console (a driver could
// forge reports).
inline constexpr policy::PortRange driver_ports[] = {{pm_timer_port, 4}};

// What a dispatcher of MMI sources needs. No driver can raise an MMI with them, or switch off those that carry
// messages.
inline constexpr policy::DriverRegister driver_registers[] = {
    {apm_command_port, 1, policy::RegisterWrite::forget_command, 0,
     "makes a software MMI pass unhandled; cannot raise one"},
    {apm_status_port, 1, policy::RegisterWrite::nothing, 0, "sees what software MMIs are asked for"},
    {smi_en_port, 4, policy::RegisterWrite::change, smi_en_tco,
     "switches MMIs of the TCO timer, one in 1.2 s at most, on and off"},
    {tco1_status_port, 2, policy::RegisterWrite::clear, tco1_timeout | tco1_software,
     "hides from others that the TCO timer expired or the OS asked for TCO"},
};

// What drivers may know of interrupted code: parameters and results of a software MMI, in the registers that such
// interfaces use, and which I/O instruction raised it.
inline constexpr policy::SaveStateRule save_state_rules[] = {
    {abi::MmSaveStateRegister::rax, abi::MmSaveStateRegister::rdx, policy::SaveStateCondition::perhaps_raiser,
     policy::SaveStateCondition::certain_raiser},
    {abi::MmSaveStateRegister::rsi, abi::MmSaveStateRegister::rdi, policy::SaveStateCondition::perhaps_raiser,
     policy::SaveStateCondition::never},
    {abi::MmSaveStateRegister::io, abi::MmSaveStateRegister::io, policy::SaveStateCondition::perhaps_raiser,
     policy::SaveStateCondition::never},
    {abi::MmSaveStateRegister::lma, abi::MmSaveStateRegister::processor_id, policy::SaveStateCondition::always,
     policy::SaveStateCondition::never},
};

// Generously: no firmware's driver comes near. Records cost the foundation memory of its own, about 400 KiB for a
// driver at all these limits.
inline constexpr policy::DriverLimits driver_limits = {
    .memory_divisor = 2, .handles = 1024, .protocols = 1024, .handlers = 1024, .notifications = 1024, .tables = 1024};

// The variable driver (VariableStandaloneMm): image, its copy of the flash, variables, and 132 KiB for each signed
// update, whatever other drivers hold.
inline constexpr policy::DriverReserve driver_reserve = {.file = abi::image_names::variable_driver, .pages = 320};

inline constexpr policy::BoardGrants grants = {.ranges = outside_ranges,
                                               .ports = {.ranges = driver_ports, .registers = driver_registers},
                                               .save_state = save_state_rules,
                                               .limits = driver_limits,
                                               .reserve = driver_reserve};

}  // namespace redoubt::platform::q35
