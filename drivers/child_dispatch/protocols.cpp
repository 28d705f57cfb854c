// SPDX-License-Identifier: BSD-2-Clause-Patent
// Section numbers are those of PI 1.9, volume 4.
#include "drivers/child_dispatch/protocols.hpp"

namespace redoubt::child_dispatch {
namespace {

using abi::EfiStatus;
using abi::Handle;
using abi::MmiHandler;
namespace status = abi::status;

constinit Dispatcher* active = nullptr;

// What every registration function says to NULL, and then `outcome` of the context.
template <typename Context, typename Outcome>
EfiStatus check(MmiHandler function, const Context* context, const Handle* handle, Outcome outcome) {
  if (function == nullptr || context == nullptr || handle == nullptr) return status::invalid_parameter;
  return outcome(*context);
}

// ---- Software MMIs (7.2) and ICHn events ----

EFIAPI EfiStatus register_software(const abi::MmChildDispatch<abi::MmSwRegisterContext>*, MmiHandler function,
                                   abi::MmSwRegisterContext* context, Handle* handle) {
  const void* caller = __builtin_return_address(0);
  return check(function, context, handle,
               [&](const auto&) { return active->register_software(function, *context, *handle, caller); });
}

EFIAPI EfiStatus unregister_software(const abi::MmChildDispatch<abi::MmSwRegisterContext>*, Handle handle) {
  return active->unregister_software(handle, __builtin_return_address(0));
}

EFIAPI EfiStatus register_ichn(const abi::MmIchnDispatchProtocol*, MmiHandler function,
                               abi::MmIchnRegisterContext* context, Handle* handle) {
  const void* caller = __builtin_return_address(0);
  return check(function, context, handle,
               [&](const auto& wanted) { return active->register_ichn(function, wanted, *handle, caller); });
}

EFIAPI EfiStatus unregister_ichn(const abi::MmIchnDispatchProtocol*, Handle handle) {
  return active->unregister_ichn(handle, __builtin_return_address(0));
}

// ---- Sources that raise nothing here ----

// They have no children, so no handle is one.
template <typename Context>
EFIAPI EfiStatus unregister_nothing(const abi::MmChildDispatch<Context>*, Handle) {
  return status::invalid_parameter;
}

// 7.3: EFI_UNSUPPORTED if the hardware "does not support that Sx Type/Phase".
EFIAPI EfiStatus register_sleep(const abi::MmSxDispatchProtocol*, MmiHandler function,
                                const abi::MmSxRegisterContext* context, Handle* handle) {
  return check(function, context, handle, [](const abi::MmSxRegisterContext& wanted) {
    const bool valid =
        wanted.type < abi::MmSxRegisterContext::type_count && wanted.phase < abi::MmSxRegisterContext::phase_count;
    return valid ? status::unsupported : status::invalid_parameter;
  });
}

// 7.4: EFI_DEVICE_ERROR if the driver "was unable to enable the MMI source".
EFIAPI EfiStatus register_timer(const abi::MmChildDispatch<const abi::MmPeriodicTimerRegisterContext>*,
                                MmiHandler function, const abi::MmPeriodicTimerRegisterContext* context,
                                Handle* handle) {
  return check(function, context, handle, [](const abi::MmPeriodicTimerRegisterContext& wanted) {
    return wanted.period != 0 ? status::device_error : status::invalid_parameter;
  });
}

// The list of intervals is empty.
EFIAPI EfiStatus next_shorter_interval(const abi::MmPeriodicTimerDispatchProtocol*, std::uint64_t** interval) {
  if (interval == nullptr) return status::invalid_parameter;
  *interval = nullptr;
  return status::success;
}

// 7.5, as 7.4.
EFIAPI EfiStatus register_usb(const abi::MmUsbDispatchProtocol*, MmiHandler function,
                              const abi::MmUsbRegisterContext* context, Handle* handle) {
  return check(function, context, handle, [](const abi::MmUsbRegisterContext& wanted) {
    return wanted.type < abi::MmUsbRegisterContext::type_count ? status::device_error : status::invalid_parameter;
  });
}

// 7.6: no input at all is "within valid range".
EFIAPI EfiStatus register_input(const abi::MmChildDispatch<const abi::MmGpiRegisterContext>*, MmiHandler,
                                const abi::MmGpiRegisterContext*, Handle*) {
  return status::invalid_parameter;
}

// 7.7 and 7.8, as 7.4.
EFIAPI EfiStatus register_button(const abi::MmButtonDispatchProtocol*, MmiHandler function,
                                 const abi::MmButtonRegisterContext* context, Handle* handle) {
  return check(function, context, handle, [](const abi::MmButtonRegisterContext& wanted) {
    return wanted.phase < abi::MmButtonRegisterContext::phase_count ? status::device_error : status::invalid_parameter;
  });
}

// 7.9: EFI_OUT_OF_RESOURCES if no range can be allocated, which base 0 asks for; EFI_DEVICE_ERROR for a given one.
EFIAPI EfiStatus register_trap(const abi::MmIoTrapDispatchProtocol*, MmiHandler function,
                               abi::MmIoTrapRegisterContext* context, Handle* handle) {
  return check(function, context, handle, [](const abi::MmIoTrapRegisterContext& wanted) {
    if (wanted.type >= abi::MmIoTrapRegisterContext::type_count || wanted.length == 0 ||
        wanted.address + wanted.length > 0x10000) {
      return status::invalid_parameter;
    }
    return wanted.address == 0 ? status::out_of_resources : status::device_error;
  });
}

constinit abi::MmSwDispatchProtocol software = {{register_software, unregister_software}, Dispatcher::maximum_value};
constinit abi::MmIchnDispatchProtocol ichn = {register_ichn, unregister_ichn};
constinit abi::MmSxDispatchProtocol sleep = {register_sleep, unregister_nothing};
constinit abi::MmPeriodicTimerDispatchProtocol timer = {{register_timer, unregister_nothing}, next_shorter_interval};
constinit abi::MmUsbDispatchProtocol usb = {register_usb, unregister_nothing};
constinit abi::MmGpiDispatchProtocol inputs = {{register_input, unregister_nothing}, 0};
constinit abi::MmButtonDispatchProtocol standby_button = {register_button, unregister_nothing};
constinit abi::MmButtonDispatchProtocol power_button = {register_button, unregister_nothing};
constinit abi::MmIoTrapDispatchProtocol traps = {register_trap, unregister_nothing};

// PciRoot(0)/Pci(0x1F,0) (UEFI 2.10, 10.3): an ACPI node for PNP0A03, a PCI node, the end.
struct DevicePath {
  std::uint8_t root[12];
  std::uint8_t bridge[6];
  std::uint8_t end[4];
};
static_assert(sizeof(DevicePath) == 22);

constinit DevicePath device_path = {
    {0x02, 0x01, 12, 0, 0xD0, 0x41, 0x03, 0x0A, 0, 0, 0, 0}, {0x01, 0x01, 6, 0, 0, 0x1F}, {0x7F, 0xFF, 4, 0}};

// gEfiDevicePathProtocolGuid.
constexpr abi::Guid device_path_protocol_guid = {
    0x09576e91, 0x6d3f, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};

}  // namespace

std::array<Interface, interface_count> interfaces(Dispatcher& dispatcher) {
  active = &dispatcher;
  return {{
      {&device_path_protocol_guid, &device_path},
      {&abi::mm_sw_dispatch_protocol_guid, &software},
      {&abi::mm_ichn_dispatch2_protocol_guid, &ichn},
      {&abi::mm_sx_dispatch_protocol_guid, &sleep},
      {&abi::mm_periodic_timer_dispatch_protocol_guid, &timer},
      {&abi::mm_usb_dispatch_protocol_guid, &usb},
      {&abi::mm_gpi_dispatch_protocol_guid, &inputs},
      {&abi::mm_standby_button_dispatch_protocol_guid, &standby_button},
      {&abi::mm_power_button_dispatch_protocol_guid, &power_button},
      {&abi::mm_io_trap_dispatch_protocol_guid, &traps},
  }};
}

}  // namespace redoubt::child_dispatch
