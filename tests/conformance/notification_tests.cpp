// SPDX-License-Identifier: BSD-2-Clause-Patent
// MmRegisterProtocolNotify(): PI 1.9, volume 4, 3.2.
#include "tests/conformance/exhaustion.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;

constexpr Guid protocol = test_guid(0x3251);
constexpr Guid other = test_guid(0x3252);
constinit std::uint64_t interfaces[4] = {};

// What the notification functions saw and shall do.
struct Notified {
  MmSystemTable* mmst;
  unsigned calls;
  unsigned second_calls;
  Guid protocol;
  void* interface;
  Handle handle;
  void* registration;
  void* second_registration;
  Handle installed_inside;
  abi::EfiStatus status_inside;
  abi::EfiStatus result;  // what the function returns
};
constinit Notified seen = {};

EFIAPI abi::EfiStatus notify(const Guid* guid, void* interface, Handle handle) {
  ++seen.calls;
  seen.protocol = *guid;
  seen.interface = interface;
  seen.handle = handle;
  return seen.result;
}

EFIAPI abi::EfiStatus notify_second(const Guid*, void*, Handle) {
  ++seen.second_calls;
  return status::success;
}

// Installs another instance of the same protocol, once.
EFIAPI abi::EfiStatus install_inside(const Guid*, void*, Handle) {
  if (++seen.calls == 1) {
    seen.status_inside =
        seen.mmst->install_protocol_interface(&seen.installed_inside, &protocol, abi::native_interface, &interfaces[3]);
  }
  return status::success;
}

// Removes what it is told of.
EFIAPI abi::EfiStatus uninstall_inside(const Guid* guid, void* interface, Handle handle) {
  ++seen.calls;
  seen.status_inside = seen.mmst->uninstall_protocol_interface(handle, guid, interface);
  return status::success;
}

// Removes its own registration and the second one.
EFIAPI abi::EfiStatus unhook_inside(const Guid*, void*, Handle) {
  ++seen.calls;
  seen.status_inside = seen.mmst->register_protocol_notify(&protocol, nullptr, &seen.second_registration);
  if (seen.status_inside == status::success) {
    seen.status_inside = seen.mmst->register_protocol_notify(&protocol, nullptr, &seen.registration);
  }
  return status::success;
}

EFIAPI abi::EfiStatus register_inside(const Guid*, void*, Handle) {
  if (++seen.calls == 1) {
    seen.status_inside = seen.mmst->register_protocol_notify(&other, notify_second, &seen.second_registration);
  }
  return status::success;
}

void begin(const Run& t) {
  seen = {};
  seen.mmst = &t.mmst;
}

abi::EfiStatus install(const Run& t, Handle& handle, const Guid& guid, void* interface) {
  return t.mmst.install_protocol_interface(&handle, &guid, abi::native_interface, interface);
}

abi::EfiStatus unhook(const Run& t, const Guid& guid, void* registration) {
  return t.mmst.register_protocol_notify(&guid, nullptr, &registration);
}

constexpr Test tests[] = {
    {.name = "pi4-3.2/MmRegisterProtocolNotify/called",
     .behaviour = "The function is called, before MmInstallProtocolInterface() returns, whenever an interface of the "
                  "protocol is installed, with protocol, interface and handle.",
     .run =
         [](Run& t) {
           begin(t);
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, notify, &registration), status::success);
           t.equal(seen.calls, 0);
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.equal(seen.calls, 1);
           t.that(seen.protocol == protocol && seen.interface == &interfaces[0] && seen.handle == handle);
           Handle second = nullptr;
           t.status(install(t, second, protocol, &interfaces[1]), status::success);
           t.equal(seen.calls, 2);
           t.that(seen.interface == &interfaces[1] && seen.handle == second);
           t.status(unhook(t, protocol, registration), status::success);
           t.mmst.uninstall_protocol_interface(handle, &protocol, &interfaces[0]);
           t.mmst.uninstall_protocol_interface(second, &protocol, &interfaces[1]);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/other_protocol",
     .behaviour = "The function isn't called for other protocols, nor when an interface is removed.",
     .run =
         [](Run& t) {
           begin(t);
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, notify, &registration), status::success);
           Handle handle = nullptr;
           t.status(install(t, handle, other, &interfaces[0]), status::success);
           t.equal(seen.calls, 0);
           t.status(t.mmst.uninstall_protocol_interface(handle, &other, &interfaces[0]), status::success);
           t.equal(seen.calls, 0);
           t.status(unhook(t, protocol, registration), status::success);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/existing",
     .behaviour = "The function isn't called for interfaces that were installed before it was registered.",
     .run =
         [](Run& t) {
           begin(t);
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, notify, &registration), status::success);
           t.equal(seen.calls, 0);
           t.status(unhook(t, protocol, registration), status::success);
           t.mmst.uninstall_protocol_interface(handle, &protocol, &interfaces[0]);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/several",
     .behaviour = "Several functions can be registered for a protocol; each is called.",
     .run =
         [](Run& t) {
           begin(t);
           void* one = nullptr;
           void* two = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, notify, &one), status::success);
           t.status(t.mmst.register_protocol_notify(&protocol, notify_second, &two), status::success);
           t.that(one != two);
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.equal(seen.calls, 1);
           t.equal(seen.second_calls, 1);
           t.status(unhook(t, protocol, one), status::success);
           t.status(unhook(t, protocol, two), status::success);
           t.mmst.uninstall_protocol_interface(handle, &protocol, &interfaces[0]);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/status_of_function",
     .behaviour = "What the function returns has no effect on the installation.",
     .run =
         [](Run& t) {
           begin(t);
           seen.result = status::device_error;
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, notify, &registration), status::success);
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.equal(seen.calls, 1);
           t.status(unhook(t, protocol, registration), status::success);
           t.status(t.mmst.uninstall_protocol_interface(handle, &protocol, &interfaces[0]), status::success);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/unhook",
     .behaviour = "Function is NULL and Registration is an existing registration: EFI_SUCCESS, and it isn't called "
                  "any more.",
     .run =
         [](Run& t) {
           begin(t);
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, notify, &registration), status::success);
           t.status(unhook(t, protocol, registration), status::success);
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.equal(seen.calls, 0);
           t.mmst.uninstall_protocol_interface(handle, &protocol, &interfaces[0]);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/unhook_nonexistent",
     .behaviour = "Function is NULL and the registration is not found: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           begin(t);
           t.status(unhook(t, protocol, nullptr), status::not_found);
           t.status(unhook(t, protocol, &seen), status::not_found);
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, notify, &registration), status::success);
           t.status(unhook(t, other, registration), status::not_found);
           t.status(unhook(t, protocol, registration), status::success);
           t.status(unhook(t, protocol, registration), status::not_found);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/null_protocol",
     .behaviour = "Protocol is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(nullptr, notify, &registration), status::invalid_parameter);
           t.status(t.mmst.register_protocol_notify(nullptr, nullptr, &registration), status::invalid_parameter);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/null_registration",
     .behaviour = "Registration is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           t.status(t.mmst.register_protocol_notify(&protocol, notify, nullptr), status::invalid_parameter);
           t.status(t.mmst.register_protocol_notify(&protocol, nullptr, nullptr), status::invalid_parameter);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/out_of_resources",
     .behaviour = "Not enough memory: EFI_OUT_OF_RESOURCES.",
     .run =
         [](Run& t) {
           static constinit void* registrations[8192];
           Exhaustion exhaustion(t.mmst);
           t.that(exhaustion.complete());
           std::uint32_t count = 0;
           const abi::EfiStatus last = exhaustion.repeat(
               [&](std::uint32_t i) {
                 if (i == 8192) return status::aborted;
                 const Guid guid = test_guid(0x32500000 + i);
                 return t.mmst.register_protocol_notify(&guid, notify, &registrations[i]);
               },
               count);
           t.status(last, status::out_of_resources);
           for (std::uint32_t i = 0; i != count; ++i) {
             t.status(unhook(t, test_guid(0x32500000 + i), registrations[i]), status::success);
           }
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/install_inside",
     .behaviour = "A notification function may install interfaces, of its own protocol too: it is called for each.",
     .run =
         [](Run& t) {
           begin(t);
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, install_inside, &registration), status::success);
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.status(seen.status_inside, status::success);
           t.equal(seen.calls, 2);
           t.status(unhook(t, protocol, registration), status::success);
           t.status(t.mmst.uninstall_protocol_interface(handle, &protocol, &interfaces[0]), status::success);
           t.status(t.mmst.uninstall_protocol_interface(seen.installed_inside, &protocol, &interfaces[3]),
                    status::success);
         }},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/uninstall_inside",
     .behaviour = "A notification function may remove the interface it is told of.",
     .run =
         [](Run& t) {
           begin(t);
           void* registration = nullptr;
           void* second = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, uninstall_inside, &registration), status::success);
           t.status(t.mmst.register_protocol_notify(&protocol, notify_second, &second), status::success);
           Handle handle = nullptr;
           install(t, handle, protocol, &interfaces[0]);
           t.equal(seen.calls, 1);
           t.status(seen.status_inside, status::success);
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&protocol, nullptr, &found), status::not_found);
           t.status(unhook(t, protocol, registration), status::success);
           t.status(unhook(t, protocol, second), status::success);
         },
     .edk2 = "Goes on with the interface's record, which has been freed."},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/unhook_inside",
     .behaviour = "A notification function may unhook itself and others: those aren't called any more.",
     .run =
         [](Run& t) {
           begin(t);
           t.status(t.mmst.register_protocol_notify(&protocol, unhook_inside, &seen.registration), status::success);
           t.status(t.mmst.register_protocol_notify(&protocol, notify_second, &seen.second_registration),
                    status::success);
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.equal(seen.calls, 1);
           t.status(seen.status_inside, status::success);
           Handle later = nullptr;
           t.status(install(t, later, protocol, &interfaces[1]), status::success);
           t.equal(seen.calls, 1);
           t.that(seen.second_calls <= 1);
           t.mmst.uninstall_protocol_interface(handle, &protocol, &interfaces[0]);
           t.mmst.uninstall_protocol_interface(later, &protocol, &interfaces[1]);
         },
     .edk2 = "Goes on from the registration's record, which has been freed."},
    {.name = "pi4-3.2/MmRegisterProtocolNotify/register_inside",
     .behaviour = "A notification function may register others.",
     .run =
         [](Run& t) {
           begin(t);
           void* registration = nullptr;
           t.status(t.mmst.register_protocol_notify(&protocol, register_inside, &registration), status::success);
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.status(seen.status_inside, status::success);
           Handle second = nullptr;
           t.status(install(t, second, other, &interfaces[1]), status::success);
           t.equal(seen.second_calls, 1);
           t.status(unhook(t, protocol, registration), status::success);
           t.status(unhook(t, other, seen.second_registration), status::success);
           t.mmst.uninstall_protocol_interface(handle, &protocol, &interfaces[0]);
           t.mmst.uninstall_protocol_interface(second, &other, &interfaces[1]);
         }},
};

}  // namespace

std::span<const Test> notification_tests() { return tests; }

}  // namespace redoubt::conformance
