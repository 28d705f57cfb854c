// SPDX-License-Identifier: BSD-2-Clause-Patent
// The MM child dispatch protocols (PI 1.9, volume 4, chapter 7) as a 64-bit MM driver sees them: one protocol for each
// kind of event that raises MMIs, with a function to register a handler for it and one to remove it. In edk2 each has
// the PI 1.5 name below and its older one with "Smm" and "2", with the same GUID.
#pragma once

#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// The functions that all of them have; `Context` says what to call the handler for.
template <typename Context>
struct MmChildDispatch {
  EfiStatus(EFIAPI* register_handler)(const MmChildDispatch* self, MmiHandler function, Context* context,
                                      Handle* handle);
  EfiStatus(EFIAPI* unregister_handler)(const MmChildDispatch* self, Handle handle);
};

// ---- Software MMIs (7.2) ----

struct MmSwRegisterContext {
  static constexpr UintN any_value = ~UintN{0};  // on entry: the dispatcher chooses a value and writes it here

  UintN value;
};

// What the handler gets as communication buffer.
struct MmSwContext {
  UintN cpu;  // that asked for the MMI
  std::uint8_t command_port;
  std::uint8_t data_port;
};

struct MmSwDispatchProtocol : MmChildDispatch<MmSwRegisterContext> {
  UintN maximum_value;
};

// gEfiMmSwDispatchProtocolGuid.
inline constexpr Guid mm_sw_dispatch_protocol_guid = {
    0x18a3c6dc, 0x5eea, 0x48c8, {0xa1, 0xc1, 0xb5, 0x33, 0x89, 0xf9, 0x89, 0x99}};

// ---- Sleep states (7.3) ----

struct MmSxRegisterContext {
  static constexpr std::uint32_t type_count = 6;   // S0 to S5
  static constexpr std::uint32_t phase_count = 2;  // entry, exit

  std::uint32_t type;
  std::uint32_t phase;
};

using MmSxDispatchProtocol = MmChildDispatch<const MmSxRegisterContext>;

// gEfiMmSxDispatchProtocolGuid.
inline constexpr Guid mm_sx_dispatch_protocol_guid = {
    0x456d2859, 0xa84b, 0x4e47, {0xa2, 0xee, 0x32, 0x76, 0xd8, 0x86, 0x99, 0x7d}};

// ---- Periodic timer (7.4); all times in units of 100 ns ----

struct MmPeriodicTimerRegisterContext {
  std::uint64_t period;
  std::uint64_t mmi_tick_interval;
};

struct MmPeriodicTimerDispatchProtocol : MmChildDispatch<const MmPeriodicTimerRegisterContext> {
  EfiStatus(EFIAPI* get_next_shorter_interval)(const MmPeriodicTimerDispatchProtocol* self, std::uint64_t** interval);
};

// gEfiMmPeriodicTimerDispatchProtocolGuid.
inline constexpr Guid mm_periodic_timer_dispatch_protocol_guid = {
    0x4cec368e, 0x8e8e, 0x4d71, {0x8b, 0xe1, 0x95, 0x8c, 0x45, 0xfc, 0x8a, 0x53}};

// ---- USB (7.5) ----

struct MmUsbRegisterContext {
  static constexpr std::uint32_t type_count = 2;  // legacy, wake

  std::uint32_t type;
  void* device;  // EFI_DEVICE_PATH_PROTOCOL
};

using MmUsbDispatchProtocol = MmChildDispatch<const MmUsbRegisterContext>;

// gEfiMmUsbDispatchProtocolGuid.
inline constexpr Guid mm_usb_dispatch_protocol_guid = {
    0xee9b8d90, 0xc5a6, 0x40a2, {0xbd, 0xe2, 0x52, 0x55, 0x8d, 0x33, 0xcc, 0xa1}};

// ---- General purpose inputs (7.6) ----

struct MmGpiRegisterContext {
  std::uint64_t input;
};

struct MmGpiDispatchProtocol : MmChildDispatch<const MmGpiRegisterContext> {
  UintN supported_inputs;
};

// gEfiMmGpiDispatchProtocolGuid.
inline constexpr Guid mm_gpi_dispatch_protocol_guid = {
    0x25566b03, 0xb577, 0x4cbf, {0x95, 0x8c, 0xed, 0x66, 0x3e, 0xa2, 0x43, 0x80}};

// ---- Standby and power button (7.7, 7.8) ----

struct MmButtonRegisterContext {
  static constexpr std::uint32_t phase_count = 2;  // entry, exit

  std::uint32_t phase;
};

using MmButtonDispatchProtocol = MmChildDispatch<const MmButtonRegisterContext>;

// gEfiMmStandbyButtonDispatchProtocolGuid.
inline constexpr Guid mm_standby_button_dispatch_protocol_guid = {
    0x7300c4a1, 0x43f2, 0x4017, {0xa5, 0x1b, 0xc8, 0x1a, 0x7f, 0x40, 0x58, 0x5b}};
// gEfiMmPowerButtonDispatchProtocolGuid.
inline constexpr Guid mm_power_button_dispatch_protocol_guid = {
    0x1b1183fa, 0x1823, 0x46a7, {0x88, 0x72, 0x9c, 0x57, 0x87, 0x55, 0x40, 0x9d}};

// ---- I/O traps (7.9) ----

struct MmIoTrapRegisterContext {
  static constexpr std::uint32_t type_count = 3;  // write, read, both

  std::uint16_t address;  // 0: any; written back
  std::uint16_t length;
  std::uint32_t type;
};

using MmIoTrapDispatchProtocol = MmChildDispatch<MmIoTrapRegisterContext>;

// gEfiMmIoTrapDispatchProtocolGuid.
inline constexpr Guid mm_io_trap_dispatch_protocol_guid = {
    0x58dc368d, 0x7bfa, 0x4e77, {0xab, 0xbc, 0x0e, 0x29, 0x41, 0x8d, 0xf9, 0x30}};

#if defined(__x86_64__)
static_assert(sizeof(MmSwContext) == 16 && offsetof(MmSwContext, data_port) == 9);
static_assert(sizeof(MmSwDispatchProtocol) == 24 && sizeof(MmPeriodicTimerDispatchProtocol) == 24 &&
              sizeof(MmGpiDispatchProtocol) == 24 && sizeof(MmSxDispatchProtocol) == 16);
static_assert(sizeof(MmSxRegisterContext) == 8 && sizeof(MmUsbRegisterContext) == 16 &&
              offsetof(MmIoTrapRegisterContext, type) == 4 && sizeof(MmIoTrapRegisterContext) == 8);
#endif

// ---- Intel's own: events of the ICH that PI has no protocol for ----

// EFI_SMM_ICHN_DISPATCH2_PROTOCOL of Intel's chipset packages. Types in the order of EFI_SMM_ICHN_SMI_TYPE; those
// that a chipset doesn't have are EFI_UNSUPPORTED.
struct MmIchnRegisterContext {
  static constexpr std::uint32_t tco_timeout = 7;  // the TCO timer expired
  static constexpr std::uint32_t os_tco = 8;       // the OS wrote TCO_DAT_IN
  static constexpr std::uint32_t type_count = 43;

  std::uint32_t type;
};
static_assert(sizeof(MmIchnRegisterContext) == 4);

using MmIchnDispatchProtocol = MmChildDispatch<MmIchnRegisterContext>;

inline constexpr Guid mm_ichn_dispatch2_protocol_guid = {
    0xadf3a128, 0x416d, 0x4060, {0x8d, 0xdf, 0x30, 0xa1, 0xd7, 0xaa, 0xb6, 0x99}};

}  // namespace redoubt::abi
