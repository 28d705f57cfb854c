// SPDX-License-Identifier: BSD-2-Clause-Patent
// What holds between drivers, and for a driver that fails to initialise (peer.hpp): PI 1.9, volume 4, chapters 1 and 3.
#include "tests/conformance/groups.hpp"
#include "tests/conformance/peer.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::Handle;

PeerProtocol* find_peer(Run& t) {
  void* interface = nullptr;
  t.status(t.mmst.locate_protocol(&peer_protocol_guid, nullptr, &interface), status::success);
  return static_cast<PeerProtocol*>(interface);
}

constexpr Test tests[] = {
    {.name = "pi4-3.2/MM_drivers/protocol_of_another",
     .behaviour = "A driver finds the interface that another installed, and calls its functions directly.",
     .run =
         [](Run& t) {
           PeerProtocol* peer = find_peer(t);
           if (t.failed()) return;
           const std::uint64_t before = peer->total;
           t.equal(peer->add(peer, 5), before + 5);
           t.equal(peer->total, before + 5);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/MM_drivers/handler_of_another",
     .behaviour = "MmiManage() calls handlers of other drivers.",
     .run =
         [](Run& t) {
           PeerProtocol* peer = find_peer(t);
           if (t.failed()) return;
           const std::uint64_t before = peer->mmis;
           t.status(t.mmst.mmi_manage(&peer_handler_guid, nullptr, nullptr, nullptr), status::success);
           t.equal(peer->mmis, before + 1);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/MM_drivers/handle_of_another",
     .behaviour = "A driver may install a protocol on a handle of another's, and remove it.",
     .run =
         [](Run& t) {
           PeerProtocol* peer = find_peer(t);
           if (t.failed()) return;
           static constinit std::uint64_t interface = 0;
           static constexpr abi::Guid guid = test_guid(0x6001);
           Handle handle = peer->handle;
           t.status(t.mmst.install_protocol_interface(&handle, &guid, abi::native_interface, &interface),
                    status::success);
           t.that(handle == peer->handle);
           t.status(t.mmst.uninstall_protocol_interface(handle, &guid, &interface), status::success);
           void* found = nullptr;
           t.status(t.mmst.handle_protocol(handle, &peer_protocol_guid, &found), status::success);
           t.that(found == peer);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/MM_drivers/memory_of_another",
     .behaviour = "Memory that a driver never allocated from the pool, here another's: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           PeerProtocol* peer = find_peer(t);
           if (t.failed()) return;
           t.status(t.mmst.free_pool(&peer->pool[4]), status::invalid_parameter);
           t.equal(peer->add(peer, 0), peer->total);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/MM_drivers/loaded_image_of_another",
     .behaviour = "Each driver has an image handle of its own, with its own image.",
     .run =
         [](Run& t) {
           PeerProtocol* peer = find_peer(t);
           if (t.failed()) return;
           t.that(peer->image != t.image_handle);
           void* own = nullptr;
           void* others = nullptr;
           t.status(t.mmst.handle_protocol(t.image_handle, &abi::loaded_image_protocol_guid, &own), status::success);
           t.status(t.mmst.handle_protocol(peer->image, &abi::loaded_image_protocol_guid, &others), status::success);
           if (t.failed()) return;
           t.that(static_cast<abi::LoadedImageProtocol*>(own)->image_base !=
                  static_cast<abi::LoadedImageProtocol*>(others)->image_base);
         },
     .when = When::in_mmi},
    {.name = "pi4-1.5/MM_drivers/entry_error_protocol",
     .behaviour = "A driver whose entry point returns an error is unloaded: its interfaces are gone.",
     .run =
         [](Run& t) {
           void* found = nullptr;
           t.status(t.mmst.locate_protocol(&refused_protocol_guid, nullptr, &found), status::not_found);
         },
     .when = When::in_mmi,
     .edk2 = "Frees the image and keeps the interface, which points into it."},
    {.name = "pi4-1.5/MM_drivers/entry_error_handler",
     .behaviour = "A driver whose entry point returns an error is unloaded: its handlers aren't called.",
     .run =
         [](Run& t) {
           if (t.step == 0) {
             t.status(t.mmst.mmi_manage(&refused_handler_guid, nullptr, nullptr, nullptr), status::not_found);
             return t.next_message(refused_handler_guid, {}, 0);
           }
           t.status(t.exchange.status, status::not_found);
         },
     .when = When::in_mmi,
     .edk2 = "Frees the image and keeps the handler, whose code was in it."},
    {.name = "pi4-1.5/MM_drivers/entry_error_table",
     .behaviour =
         "A driver whose entry point returns an error is unloaded: no configuration table points into its image.",
     .run =
         [](Run& t) {
           t.status(t.mmst.install_configuration_table(&t.mmst, &refused_table_guid, nullptr, 0), status::not_found);
         },
     .when = When::in_mmi,
     .edk2 = "Frees the image and keeps the entry, which points into it."},
    {.name = "pi4-1.5/MM_drivers/entry_error_notification",
     .behaviour = "A driver whose entry point returns an error is unloaded: its notifications aren't called.",
     .run =
         [](Run& t) {
           static constinit std::uint64_t interface = 0;
           Handle handle = nullptr;
           t.status(t.mmst.install_protocol_interface(&handle, &refused_notify_guid, abi::native_interface, &interface),
                    status::success);
           t.status(t.mmst.uninstall_protocol_interface(handle, &refused_notify_guid, &interface), status::success);
         },
     .when = When::in_mmi,
     .edk2 = "Frees the image and keeps the notification, whose code was in it."},
};

}  // namespace

std::span<const Test> driver_tests() { return tests; }

}  // namespace redoubt::conformance
