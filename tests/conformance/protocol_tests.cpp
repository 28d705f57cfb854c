// SPDX-License-Identifier: BSD-2-Clause-Patent
// MmInstallProtocolInterface(), MmUninstallProtocolInterface() and MmHandleProtocol(): PI 1.9, volume 4, 3.2, which
// takes over UEFI 2.10, 7.3.2, 7.3.3 and 7.3.7.
#include "abi/pi/mm_protocols.hpp"
#include "tests/conformance/exhaustion.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::Guid;
using abi::Handle;

constexpr Guid protocol = test_guid(0x7301);
constexpr Guid other = test_guid(0x7302);
constexpr Guid absent = test_guid(0x7303);
constinit std::uint64_t interfaces[4] = {};

abi::EfiStatus install(const Run& t, Handle& handle, const Guid& guid, void* interface) {
  return t.mmst.install_protocol_interface(&handle, &guid, abi::native_interface, interface);
}

abi::EfiStatus uninstall(const Run& t, Handle handle, const Guid& guid, void* interface) {
  return t.mmst.uninstall_protocol_interface(handle, &guid, interface);
}

// A handle that was valid once.
Handle stale_handle(const Run& t) {
  Handle handle = nullptr;
  install(t, handle, protocol, &interfaces[0]);
  uninstall(t, handle, protocol, &interfaces[0]);
  return handle;
}

constexpr Test tests[] = {
    {.name = "uefi-7.3.2/InstallProtocolInterface/new_handle",
     .behaviour = "*Handle is NULL: a handle is created and returned. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.that(handle != nullptr);
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(handle, &protocol, &found), status::success);
           t.that(found == &interfaces[0]);
           uninstall(t, handle, protocol, &interfaces[0]);
         }},
    {.name = "uefi-7.3.2/InstallProtocolInterface/existing_handle",
     .behaviour = "*Handle is a handle: the protocol is added to it, and *Handle stays. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           const Handle before = handle;
           t.status(install(t, handle, other, &interfaces[1]), status::success);
           t.that(handle == before);
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(handle, &other, &found), status::success);
           t.that(found == &interfaces[1]);
           t.status(uninstall(t, handle, other, &interfaces[1]), status::success);
           t.status(uninstall(t, handle, protocol, &interfaces[0]), status::success);
         }},
    {.name = "uefi-7.3.2/InstallProtocolInterface/null_interface",
     .behaviour = "Interface may be NULL if no structure is associated with the protocol.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, nullptr), status::success);
           void* found = &interfaces[0];
           t.status(t.mmst.handle_protocol(handle, &protocol, &found), status::success);
           t.that(found == nullptr);
           t.status(uninstall(t, handle, protocol, nullptr), status::success);
         }},
    {.name = "uefi-7.3.2/InstallProtocolInterface/same_interface_elsewhere",
     .behaviour = "The same protocol and interface can be installed on several handles.",
     .run =
         [](Run& t) {
           Handle one = nullptr;
           Handle two = nullptr;
           t.status(install(t, one, protocol, &interfaces[0]), status::success);
           t.status(install(t, two, protocol, &interfaces[0]), status::success);
           t.that(one != two);
           t.status(uninstall(t, one, protocol, &interfaces[0]), status::success);
           t.status(uninstall(t, two, protocol, &interfaces[0]), status::success);
         }},
    {.name = "uefi-7.3.2/InstallProtocolInterface/null_handle",
     .behaviour = "Handle is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           t.status(t.mmst.install_protocol_interface(nullptr, &protocol, abi::native_interface, &interfaces[0]),
                    status::invalid_parameter);
         }},
    {.name = "uefi-7.3.2/InstallProtocolInterface/null_protocol",
     .behaviour = "Protocol is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(t.mmst.install_protocol_interface(&handle, nullptr, abi::native_interface, &interfaces[0]),
                    status::invalid_parameter);
           t.that(handle == nullptr);
         }},
    {.name = "uefi-7.3.2/InstallProtocolInterface/interface_type",
     .behaviour = "InterfaceType is not EFI_NATIVE_INTERFACE: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for (const std::uint32_t type : {1U, 2U, 0xFFFFFFFFU}) {
             Handle handle = nullptr;
             t.status(t.mmst.install_protocol_interface(&handle, &protocol, static_cast<abi::InterfaceType>(type),
                                                        &interfaces[0]),
                      status::invalid_parameter);
           }
         }},
    {.name = "uefi-7.3.2/InstallProtocolInterface/already_installed",
     .behaviour = "The protocol is already installed on the handle: EFI_INVALID_PARAMETER, whatever the interface.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.status(install(t, handle, protocol, &interfaces[0]), status::invalid_parameter);
           t.status(install(t, handle, protocol, &interfaces[1]), status::invalid_parameter);
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(handle, &protocol, &found), status::success);
           t.that(found == &interfaces[0]);
           t.status(uninstall(t, handle, protocol, &interfaces[0]), status::success);
         }},
    {.name = "uefi-7.3.2/InstallProtocolInterface/invalid_handle",
     .behaviour = "*Handle is not a valid handle: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           Handle stale = stale_handle(t);
           t.status(install(t, stale, protocol, &interfaces[0]), status::invalid_parameter);
           std::uint64_t own[16] = {};
           Handle made_up = own;
           t.status(install(t, made_up, protocol, &interfaces[0]), status::invalid_parameter);
         },
     .edk2 = "Validates after it has created the protocol's entry, which stays; MdeModulePkg's PiSmmCore reads a "
             "signature at the address before it knows the handle."},
    {.name = "uefi-7.3.2/InstallProtocolInterface/out_of_resources",
     .behaviour = "No space for a new handle: EFI_OUT_OF_RESOURCES, and nothing is installed.",
     .run =
         [](Run& t) {
           struct Installed {
             Handle handle;
           };
           static constinit Handle handles[4096];
           Exhaustion exhaustion(t.mmst);
           t.that(exhaustion.complete());
           std::uint32_t count = 0;
           const abi::EfiStatus last = exhaustion.repeat(
               [&](std::uint32_t i) {
                 if (i == 4096) return status::aborted;
                 handles[i] = nullptr;
                 return install(t, handles[i], protocol, &interfaces[0]);
               },
               count);
           t.status(last, status::out_of_resources);
           if (count < 4096) t.that(handles[count] == nullptr);
           for (std::uint32_t i = 0; i != count; ++i) {
             t.status(uninstall(t, handles[i], protocol, &interfaces[0]), status::success);
           }
         }},
    {.name = "uefi-7.3.3/UninstallProtocolInterface/removed",
     .behaviour = "The interface is removed from its handle: EFI_SUCCESS, and the handle lacks the protocol.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.status(install(t, handle, other, &interfaces[1]), status::success);
           t.status(uninstall(t, handle, protocol, &interfaces[0]), status::success);
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(handle, &protocol, &found), status::unsupported);
           t.status(t.mmst.handle_protocol(handle, &other, &found), status::success);
           t.status(uninstall(t, handle, other, &interfaces[1]), status::success);
         }},
    {.name = "uefi-7.3.3/UninstallProtocolInterface/last",
     .behaviour = "After its last protocol the handle is freed and no longer valid.",
     .run =
         [](Run& t) {
           const Handle stale = stale_handle(t);
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(stale, &protocol, &found), status::invalid_parameter);
           t.status(uninstall(t, stale, protocol, &interfaces[0]), status::invalid_parameter);
         }},
    {.name = "uefi-7.3.3/UninstallProtocolInterface/not_found",
     .behaviour = "The interface was not found on the handle: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.status(uninstall(t, handle, absent, &interfaces[0]), status::not_found);
           t.status(uninstall(t, handle, protocol, &interfaces[1]), status::not_found);
           t.status(uninstall(t, handle, protocol, nullptr), status::not_found);
           t.status(uninstall(t, handle, protocol, &interfaces[0]), status::success);
         }},
    {.name = "uefi-7.3.3/UninstallProtocolInterface/in_use",
     .behaviour = "EFI_ACCESS_DENIED is for interfaces that a driver opened; MM has no OpenProtocol(), so a driver's "
                  "interface that others have found is removed.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&protocol, nullptr, &found), status::success);
           t.status(uninstall(t, handle, protocol, &interfaces[0]), status::success);
           t.status(t.mmst.locate_protocol(&protocol, nullptr, &found), status::not_found);
         }},
    {.name = "uefi-7.3.3/UninstallProtocolInterface/foundations",
     .behaviour = "The interface is still being used, here one of the foundation's own: EFI_ACCESS_DENIED; it stays.",
     .run =
         [](Run& t) {
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&abi::mm_cpu_io_protocol_guid, nullptr, &found), status::success);
           Handle handles[8] = {};
           abi::UintN size = sizeof(handles);
           t.status(t.mmst.locate_handle(abi::by_protocol, &abi::mm_cpu_io_protocol_guid, nullptr, &size, handles),
                    status::success);
           if (t.failed()) return;
           t.status(uninstall(t, handles[0], abi::mm_cpu_io_protocol_guid, found), status::access_denied);
           void* again = nullptr;
           t.status(t.mmst.locate_protocol(&abi::mm_cpu_io_protocol_guid, nullptr, &again), status::success);
           t.that(again == found);
         },
     .edk2 = "Has no such interfaces: each is its driver's, and any driver may remove it."},
    {.name = "uefi-7.3.3/UninstallProtocolInterface/null_handle",
     .behaviour = "Handle is NULL: EFI_INVALID_PARAMETER.",
     .run = [](Run& t) { t.status(uninstall(t, nullptr, protocol, &interfaces[0]), status::invalid_parameter); }},
    {.name = "uefi-7.3.3/UninstallProtocolInterface/invalid_handle",
     .behaviour = "Handle is not a handle: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           std::uint64_t own[16] = {};
           t.status(uninstall(t, own, protocol, &interfaces[0]), status::invalid_parameter);
         }},
    {.name = "uefi-7.3.3/UninstallProtocolInterface/null_protocol",
     .behaviour = "Protocol is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           t.status(t.mmst.uninstall_protocol_interface(handle, nullptr, &interfaces[0]), status::invalid_parameter);
           t.status(uninstall(t, handle, protocol, &interfaces[0]), status::success);
         }},
    {.name = "uefi-7.3.7/HandleProtocol/success",
     .behaviour = "The handle supports the protocol: EFI_SUCCESS and its interface.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[2]), status::success);
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(handle, &protocol, &found), status::success);
           t.that(found == &interfaces[2]);
           t.status(uninstall(t, handle, protocol, &interfaces[2]), status::success);
         }},
    {.name = "uefi-7.3.7/HandleProtocol/unsupported",
     .behaviour = "The handle does not support the protocol: EFI_UNSUPPORTED.",
     .run =
         [](Run& t) {
           Handle handle = nullptr;
           t.status(install(t, handle, protocol, &interfaces[0]), status::success);
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(handle, &absent, &found), status::unsupported);
           t.status(uninstall(t, handle, protocol, &interfaces[0]), status::success);
         }},
    {.name = "uefi-7.3.7/HandleProtocol/null_handle",
     .behaviour = "Handle is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(nullptr, &protocol, &found), status::invalid_parameter);
         }},
    {.name = "uefi-7.3.7/HandleProtocol/invalid_handle",
     .behaviour = "Handle is not a handle: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           std::uint64_t own[16] = {};
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(own, &protocol, &found), status::invalid_parameter);
           t.status(t.mmst.handle_protocol(&t.mmst, &protocol, &found), status::invalid_parameter);
         }},
    {.name = "uefi-7.3.7/HandleProtocol/null_protocol",
     .behaviour = "Protocol is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(t.image_handle, nullptr, &found), status::invalid_parameter);
         }},
    {.name = "uefi-7.3.7/HandleProtocol/null_interface",
     .behaviour = "Interface is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           t.status(t.mmst.handle_protocol(t.image_handle, &abi::loaded_image_protocol_guid, nullptr),
                    status::invalid_parameter);
         }},
};

}  // namespace

std::span<const Test> protocol_tests() { return tests; }

}  // namespace redoubt::conformance
