// SPDX-License-Identifier: BSD-2-Clause-Patent
// The child dispatch protocols: PI 1.9, volume 4, chapter 7. Software MMIs are raised by the caller outside.
#include "abi/pi/mm_child_dispatch.hpp"
#include "tests/conformance/exhaustion.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSwContext;
using abi::MmSwDispatchProtocol;
using abi::MmSwRegisterContext;
using abi::UintN;

struct Dispatched {
  unsigned calls;
  Handle handle;
  UintN value;  // of the register context that came
  UintN size;
  MmSwContext context;
  bool had_context;
  bool had_buffer;
  Handle registered[2];
};
constinit Dispatched seen = {};

EFIAPI EfiStatus note(Handle handle, const void* context, void* buffer, UintN* size) {
  ++seen.calls;
  seen.handle = handle;
  seen.had_context = context != nullptr;
  seen.had_buffer = buffer != nullptr && size != nullptr;
  if (seen.had_context) seen.value = static_cast<const MmSwRegisterContext*>(context)->value;
  if (seen.had_buffer) {
    seen.size = *size;
    seen.context = *static_cast<const MmSwContext*>(buffer);
  }
  return status::success;
}

EFIAPI EfiStatus ignore(Handle, const void*, void*, UintN*) { return status::success; }

template <typename Protocol>
Protocol* find(Run& t, const Guid& guid) {
  void* interface = nullptr;
  t.status(t.mmst.locate_protocol(&guid, nullptr, &interface), status::success);
  return static_cast<Protocol*>(interface);
}

MmSwDispatchProtocol* find_software(Run& t) { return find<MmSwDispatchProtocol>(t, abi::mm_sw_dispatch_protocol_guid); }

EfiStatus register_software(const MmSwDispatchProtocol& p, UintN value, Handle& handle) {
  MmSwRegisterContext context = {value};
  return p.register_handler(&p, note, &context, &handle);
}

// Registration with a protocol whose source raises no MMI on this machine.
template <typename Protocol, typename Context>
void expect_refused(Run& t, const Guid& guid, Context context, EfiStatus expected) {
  auto* protocol = find<Protocol>(t, guid);
  if (t.failed()) return;
  Handle handle = nullptr;
  t.status(protocol->register_handler(protocol, ignore, &context, &handle), expected);
  t.status(protocol->unregister_handler(protocol, &seen), status::invalid_parameter);
}

constexpr UintN some_value = 0x5C;

constexpr Test tests[] = {
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/called",
     .behaviour = "Register(): EFI_SUCCESS; when that software MMI is raised the function is called with its handle, a "
                  "context equal to the one registered, and an EFI_MM_SW_CONTEXT with processor, command and data.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           if (t.step == 0) {
             seen = {};
             t.status(register_software(*p, some_value, seen.registered[0]), status::success);
             return t.next_software_mmi(some_value, 0xA7);
           }
           t.status(p->unregister_handler(p, seen.registered[0]), status::success);
           t.equal(seen.calls, 1);
           t.that(seen.handle == seen.registered[0]);
           t.that(seen.had_context && seen.had_buffer);
           t.equal(seen.value, some_value);
           t.equal(seen.size, sizeof(MmSwContext));
           t.equal(seen.context.command_port, some_value);
           t.equal(seen.context.data_port, 0xA7);
           t.that(seen.context.cpu < t.mmst.number_of_cpus);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/other_value",
     .behaviour = "The function isn't called for other software MMIs.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           if (t.step == 0) {
             seen = {};
             t.status(register_software(*p, some_value, seen.registered[0]), status::success);
             return t.next_software_mmi(some_value + 1, 0);
           }
           t.status(p->unregister_handler(p, seen.registered[0]), status::success);
           t.equal(seen.calls, 0);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/unregistered",
     .behaviour = "UnRegister(): EFI_SUCCESS; the function isn't called any more.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           if (t.step == 0) {
             seen = {};
             t.status(register_software(*p, some_value, seen.registered[0]), status::success);
             t.status(p->unregister_handler(p, seen.registered[0]), status::success);
             return t.next_software_mmi(some_value, 0);
           }
           t.equal(seen.calls, 0);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/any_value",
     .behaviour = "Register() with a value of -1: the dispatcher chooses a unique value and writes it to the context.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           MmSwRegisterContext contexts[2] = {{MmSwRegisterContext::any_value}, {MmSwRegisterContext::any_value}};
           Handle handles[2] = {};
           for (unsigned i = 0; i != 2; ++i) {
             t.status(p->register_handler(p, note, &contexts[i], &handles[i]), status::success);
             t.that(contexts[i].value <= p->maximum_value);
           }
           t.that(contexts[0].value != contexts[1].value && handles[0] != handles[1]);
           for (const Handle handle : handles) t.status(p->unregister_handler(p, handle), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/out_of_values",
     .behaviour = "Register() with a value of -1 when all are in use: a unique value could not be assigned: "
                  "EFI_OUT_OF_RESOURCES.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           static constinit Handle handles[512];
           unsigned count = 0;
           EfiStatus last = status::success;
           while (count != 512 && last == status::success) {
             last = register_software(*p, MmSwRegisterContext::any_value, handles[count]);
             if (last == status::success) ++count;
           }
           t.status(last, status::out_of_resources);
           t.that(count != 0);
           for (unsigned i = 0; i != count; ++i) t.status(p->unregister_handler(p, handles[i]), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/out_of_memory",
     .behaviour =
         "Register(): not enough memory to manage the child, here no room for another handler of its driver's: "
         "EFI_OUT_OF_RESOURCES.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           static constinit Handle handles[8192];
           std::uint32_t taken = 0;
           EfiStatus last = status::success;
           for (; taken != 8192 && last == status::success; ++taken) {
             last = t.mmst.mmi_handler_register(ignore, nullptr, &handles[taken]);
           }
           t.status(last, status::out_of_resources);
           Handle handle = nullptr;
           t.status(register_software(*p, some_value, handle), status::out_of_resources);
           for (std::uint32_t i = 0; i + 1 < taken; ++i) {
             t.status(t.mmst.mmi_handler_unregister(handles[i]), status::success);
           }
           t.status(register_software(*p, some_value, handle), status::success);
           t.status(p->unregister_handler(p, handle), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/value_out_of_range",
     .behaviour = "Register(): the value is above MaximumSwiValue: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           for (const UintN value : {p->maximum_value + 1, UintN{1} << 32, ~UintN{1}}) {
             Handle handle = nullptr;
             t.status(register_software(*p, value, handle), status::invalid_parameter);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/value_in_use",
     .behaviour = "Register(): the value is already in use: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           Handle first = nullptr;
           Handle second = nullptr;
           t.status(register_software(*p, some_value, first), status::success);
           t.status(register_software(*p, some_value, second), status::invalid_parameter);
           t.status(p->unregister_handler(p, first), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/null",
     .behaviour =
         "Register(): RegisterContext is invalid, here NULL, or function or handle are: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           MmSwRegisterContext context = {some_value};
           Handle handle = nullptr;
           t.status(p->register_handler(p, note, nullptr, &handle), status::invalid_parameter);
           t.status(p->register_handler(p, nullptr, &context, &handle), status::invalid_parameter);
           t.status(p->register_handler(p, note, &context, nullptr), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.2/EFI_MM_SW_DISPATCH_PROTOCOL/invalid_handle",
     .behaviour = "UnRegister(): the DispatchHandle was not valid: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           auto* p = find_software(t);
           if (t.failed()) return;
           Handle handle = nullptr;
           t.status(register_software(*p, some_value, handle), status::success);
           t.status(p->unregister_handler(p, nullptr), status::invalid_parameter);
           t.status(p->unregister_handler(p, static_cast<void*>(&handle)), status::invalid_parameter);
           t.status(p->unregister_handler(p, handle), status::success);
           t.status(p->unregister_handler(p, handle), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.3/EFI_MM_SX_DISPATCH_PROTOCOL/refused",
     .behaviour = "Register() for a sleep state that raises no MMI on this machine: EFI_UNSUPPORTED.",
     .run =
         [](Run& t) {
           expect_refused<abi::MmSxDispatchProtocol>(t, abi::mm_sx_dispatch_protocol_guid,
                                                     abi::MmSxRegisterContext{3, 0}, status::unsupported);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.4/EFI_MM_PERIODIC_TIMER_DISPATCH_PROTOCOL/refused",
     .behaviour = "Register() without a timer that raises MMIs: the source could not be enabled: EFI_DEVICE_ERROR.",
     .run =
         [](Run& t) {
           expect_refused<abi::MmPeriodicTimerDispatchProtocol>(t, abi::mm_periodic_timer_dispatch_protocol_guid,
                                                                abi::MmPeriodicTimerRegisterContext{10000000, 10000000},
                                                                status::device_error);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.5/EFI_MM_USB_DISPATCH_PROTOCOL/refused",
     .behaviour = "Register() where USB raises no MMI: the source could not be enabled: EFI_DEVICE_ERROR.",
     .run =
         [](Run& t) {
           static constinit std::uint64_t device_path = 0;
           expect_refused<abi::MmUsbDispatchProtocol>(t, abi::mm_usb_dispatch_protocol_guid,
                                                      abi::MmUsbRegisterContext{0, &device_path}, status::device_error);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.6/EFI_MM_GPI_DISPATCH_PROTOCOL/refused",
     .behaviour = "Register() for an input that isn't within the valid range, here of none: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           expect_refused<abi::MmGpiDispatchProtocol>(t, abi::mm_gpi_dispatch_protocol_guid,
                                                      abi::MmGpiRegisterContext{0}, status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.7/EFI_MM_STANDBY_BUTTON_DISPATCH_PROTOCOL/refused",
     .behaviour = "Register() without such a button: the source could not be enabled: EFI_DEVICE_ERROR.",
     .run =
         [](Run& t) {
           expect_refused<abi::MmButtonDispatchProtocol>(t, abi::mm_standby_button_dispatch_protocol_guid,
                                                         abi::MmButtonRegisterContext{0}, status::device_error);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.8/EFI_MM_POWER_BUTTON_DISPATCH_PROTOCOL/refused",
     .behaviour = "Register() where the button raises no MMI: the source could not be enabled: EFI_DEVICE_ERROR.",
     .run =
         [](Run& t) {
           expect_refused<abi::MmButtonDispatchProtocol>(t, abi::mm_power_button_dispatch_protocol_guid,
                                                         abi::MmButtonRegisterContext{0}, status::device_error);
         },
     .when = When::in_mmi},
    {.name = "pi4-7.9/EFI_MM_IO_TRAP_DISPATCH_PROTOCOL/refused",
     .behaviour = "Register() without I/O traps: the source could not be enabled: EFI_DEVICE_ERROR.",
     .run =
         [](Run& t) {
           expect_refused<abi::MmIoTrapDispatchProtocol>(t, abi::mm_io_trap_dispatch_protocol_guid,
                                                         abi::MmIoTrapRegisterContext{0x500, 4, 0},
                                                         status::device_error);
         },
     .when = When::in_mmi},
};

}  // namespace

std::span<const Test> dispatch_tests() { return tests; }

}  // namespace redoubt::conformance
