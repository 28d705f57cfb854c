// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the supervisor has to know about the board, as data and a few functions: which memory and ports outside MMRAM
// ring 3 may use, where log lines go, how to reset. Everything not named here is closed to ring 3. Register numbers
// stand in chipset.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/types.hpp"
#include "platform/q35/chipset.hpp"
#include "policy/save_state.hpp"

namespace redoubt::platform {

enum class RangeAccess : std::uint8_t {
  drivers,          // ring-3 drivers, read and write, never execute
  supervisor_only,  // ring 0 alone
};

enum class RangeCache : std::uint8_t { write_back, uncached };

// A physical range outside MMRAM; base and size are multiples of 4 KiB.
struct OutsideRange {
  std::uint64_t base;
  std::uint64_t size;
  RangeAccess access;
  RangeCache cache;
  std::string_view what;  // for the report
};

// Ports [first, first + count).
struct PortRange {
  std::uint16_t first;
  std::uint16_t count;
  friend constexpr bool operator==(const PortRange&, const PortRange&) = default;
};

inline constexpr std::uint64_t local_apic_base = 0xFEE0'0000;

// The variable store's part of the flash (both are read-write; QEMU accepts commands in SMM alone), and the local
// APIC, which the supervisor needs to call other CPUs in.
inline constexpr OutsideRange outside_ranges[] = {
    {0xFFC0'0000, 0x84000, RangeAccess::drivers, RangeCache::uncached, "variable store flash"},
    {local_apic_base, 0x1000, RangeAccess::supervisor_only, RangeCache::uncached, "local APIC"},
};

// Whether drivers may use all of [address, address + bytes), which lies outside MMRAM. Not for nothing at all.
constexpr bool driver_may_use_memory(std::uint64_t address, std::uint64_t bytes) {
  for (const OutsideRange& range : outside_ranges) {
    if (range.access == RangeAccess::drivers && bytes != 0 && address >= range.base &&
        address - range.base < range.size && bytes <= range.size - (address - range.base)) {
      return true;
    }
  }
  return false;
}

// Ports that drivers may use with instructions of their own: the ACPI PM timer. Not the debug console (a driver could
// forge reports).
inline constexpr PortRange driver_ports[] = {{0x608, 4}};

// Whether drivers may use all of [port, port + width).
constexpr bool driver_may_use_port(std::uint64_t port, std::uint64_t width) {
  if (width == 0 || width > 4 || port > 0xFFFF) {
    return false;
  }
  for (const PortRange& range : driver_ports) {
    if (port >= range.first && port + width <= std::uint64_t{range.first} + range.count) {
      return true;
    }
  }
  return false;
}

// One past the highest of these ports: how long an I/O bitmap has to be.
constexpr std::uint32_t driver_ports_end() {
  std::uint32_t end = 0;
  for (const PortRange& range : driver_ports) {
    const std::uint32_t range_end = std::uint32_t{range.first} + range.count;
    end = range_end > end ? range_end : end;
  }
  return end;
}

// What a driver may write to a register.
enum class RegisterWrite : std::uint8_t {
  nothing,
  change,          // the writable bits; the others keep their values
  clear,           // ones clear the writable bits
  forget_command,  // 0 alone: there is no software MMI any more that this register could name
};

// A register that drivers reach through the I/O services of the MM system table alone, in one width, because IN and OUT
// could do more than they may. `reason`: what a hostile driver can do with it at worst.
struct DriverRegister {
  std::uint16_t port;
  std::uint8_t width;  // bytes
  RegisterWrite write;
  std::uint32_t writable;
  std::string_view reason;
};

// What a dispatcher of MMI sources needs. No driver can raise an MMI with them, or switch off those that carry
// messages.
inline constexpr DriverRegister driver_registers[] = {
    {0xB2, 1, RegisterWrite::forget_command, 0, "makes a software MMI pass unhandled; cannot raise one"},
    {0xB3, 1, RegisterWrite::nothing, 0, "sees what software MMIs are asked for"},
    {0x630, 4, RegisterWrite::change, 0x2000, "switches MMIs of the TCO timer, one in 1.2 s at most, on and off"},
    {0x664, 2, RegisterWrite::clear, 0x000A, "hides from others that the TCO timer expired or the OS asked for TCO"},
};

// Null if a driver may not even read `width` bytes at `port`.
constexpr const DriverRegister* driver_register(std::uint64_t port, std::uint64_t width) {
  for (const DriverRegister& entry : driver_registers) {
    if (entry.port == port && entry.width == width) return &entry;
  }
  return nullptr;
}

// One access on a driver's behalf, 1, 2 or 4 bytes wide; nothing happens if policy doesn't allow it. The first returns
// what was read.
std::optional<std::uint32_t> read_port_for_driver(std::uint64_t port, std::uint64_t width);
bool write_port_for_driver(std::uint64_t port, std::uint64_t width, std::uint32_t value);

// What one driver may hold, generously: no firmware's driver comes near. Memory is a share of MMRAM; records cost the
// foundation memory of its own, about 400 KiB for a driver at all these limits.
inline constexpr std::uint32_t driver_memory_divisor = 2;
inline constexpr std::uint32_t driver_handles = 1024;
inline constexpr std::uint32_t driver_protocols = 1024;
inline constexpr std::uint32_t driver_handlers = 1024;
inline constexpr std::uint32_t driver_notifications = 1024;
inline constexpr std::uint32_t driver_tables = 1024;

// The variable driver (VariableStandaloneMm): image, its copy of the flash, variables, and 132 KiB for each signed
// update, whatever other drivers hold. At most half of what is free before the first driver starts.
inline constexpr abi::Guid reserve_file = abi::image_names::variable_driver;
inline constexpr std::uint32_t reserve_pages = 320;

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

// Writes `text` to the debug console, if the machine has one.
void write_log(std::string_view text);

// Writes `text`, printable ASCII and line ends, to the board's serial console. The port may be an operating system's by
// now, or lead anywhere: what it says bounds the wait for each byte and nothing else. `set_up`: nobody else can have
// chosen a speed; otherwise that, and what interrupts it raises, stay as they are.
void write_console(std::string_view text, bool set_up);

// A free-running timer, which wraps at timer_mask.
std::uint32_t read_timer();
inline constexpr std::uint32_t timer_mask = q35::pm_timer_mask;
inline constexpr std::uint32_t timer_hertz = q35::pm_timer_hertz;

// Calls all CPUs in, this one included, which takes its SMI after RSM: without any local APIC, and without a word on
// whether it worked. Who owns the machine can keep it from working (SMI_EN, an I/O BAR over the port); then it reads
// and writes one byte of a device of his, as he could himself.
void raise_mmi_everywhere();

// Resets the machine, the flash and all CPUs included: by the reset register, a bounded number of times, since the
// owner of the machine may have put an I/O BAR over it; then by a triple fault, which no BAR covers. A CPU that still
// runs after that halts.
[[noreturn]] void reset();

}  // namespace redoubt::platform
