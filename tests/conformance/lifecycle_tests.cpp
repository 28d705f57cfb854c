// SPDX-License-Identifier: BSD-2-Clause-Patent
// The phases that drivers are told of by protocols: PI 1.9, volume 4, chapter 4. The driver registers for them when it
// is initialised; when the first test runs, a machine has passed all up to the boot of an application.
#include "abi/pi/mm_protocols.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using abi::Guid;
using abi::Handle;

enum Phase : unsigned { end_of_dxe, ready_to_lock, ready_to_boot, exit_boot_services, phase_count };

constexpr Guid phase_guids[phase_count] = {abi::mm_end_of_dxe_protocol_guid, abi::mm_ready_to_lock_protocol_guid,
                                           abi::ready_to_boot_event_group_guid,
                                           abi::exit_boot_services_event_group_guid};

struct Noted {
  unsigned calls[phase_count];
  unsigned order[phase_count];  // when it came first: 1, 2, ...
  void* interfaces[phase_count];
  unsigned events;
  unsigned entries;  // MMIs that began and ended
  unsigned exits;
};
constinit Noted noted = {};

EFIAPI EfiStatus note_phase(const Guid* guid, void* interface, Handle) {
  for (unsigned phase = 0; phase != phase_count; ++phase) {
    if (*guid != phase_guids[phase]) continue;
    if (noted.calls[phase]++ == 0) noted.order[phase] = ++noted.events;
    noted.interfaces[phase] = interface;
  }
  return status::success;
}

EFIAPI EfiStatus note_entry(const Guid*, void*, Handle) {
  ++noted.entries;
  return status::success;
}
EFIAPI EfiStatus note_exit(const Guid*, void*, Handle) {
  ++noted.exits;
  return status::success;
}

constexpr Test tests[] = {
    {.name = "pi4-4/EFI_MM_END_OF_DXE_PROTOCOL/notified",
     .behaviour =
         "When the end-of-DXE event is signalled, the protocol is installed in MM: drivers are notified, once, "
         "with a NULL interface.",
     .run =
         [](Run& t) {
           t.equal(noted.calls[end_of_dxe], 1);
           t.that(noted.interfaces[end_of_dxe] == nullptr);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_END_OF_DXE_PROTOCOL/found",
     .behaviour = "The protocol stays: drivers that ask later find it.",
     .run =
         [](Run& t) {
           void* interface = nullptr;
           t.status(t.mmst.locate_protocol(&abi::mm_end_of_dxe_protocol_guid, nullptr, &interface), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_READY_TO_LOCK_PROTOCOL/notified",
     .behaviour =
         "When MMRAM is about to be locked, the protocol is installed: drivers are notified, once, with a NULL "
         "interface.",
     .run =
         [](Run& t) {
           t.equal(noted.calls[ready_to_lock], 1);
           t.that(noted.interfaces[ready_to_lock] == nullptr);
         },
     .when = When::in_mmi,
     .ours = "MMRAM is locked before DXE; the protocol marks the point at which other cores lock it."},
    {.name = "pi4-4/EFI_MM_READY_TO_LOCK_PROTOCOL/after_end_of_dxe",
     .behaviour = "End of DXE comes before ready to lock.",
     .run = [](Run& t) { t.that(noted.order[end_of_dxe] < noted.order[ready_to_lock]); },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_READY_TO_LOCK_PROTOCOL/found",
     .behaviour = "The protocol stays: drivers that ask later find it.",
     .run =
         [](Run& t) {
           void* interface = nullptr;
           t.status(t.mmst.locate_protocol(&abi::mm_ready_to_lock_protocol_guid, nullptr, &interface), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/MM_READY_TO_BOOT/notified",
     .behaviour = "When an application is about to be booted, drivers are notified.",
     .run =
         [](Run& t) {
           t.that(noted.calls[ready_to_boot] >= 1);
           t.that(noted.order[ready_to_boot] > noted.order[ready_to_lock]);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_END_OF_DXE_PROTOCOL/again",
     .behaviour = "End of DXE comes once: announced again, in a message after the lock, it reaches no driver.",
     .run =
         [](Run& t) {
           if (t.step == 0) return t.next_message(abi::end_of_dxe_event_group_guid, {}, 0);
           t.status(t.exchange.status, status::not_found);
           t.equal(noted.calls[end_of_dxe], 1);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_READY_TO_LOCK_PROTOCOL/again",
     .behaviour = "The lock comes once: announced again it reaches no driver.",
     .run =
         [](Run& t) {
           if (t.step == 0) return t.next_message(abi::dxe_mm_ready_to_lock_protocol_guid, {}, 0);
           t.status(t.exchange.status, status::not_found);
           t.equal(noted.calls[ready_to_lock], 1);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_READY_TO_LOCK_PROTOCOL/no_dispatch",
     .behaviour = "No driver is dispatched after the lock: a message that asks for it reaches no driver.",
     .run =
         [](Run& t) {
           if (t.step == 0) return t.next_message(abi::mm_dispatch_event_guid, {}, 0);
           t.status(t.exchange.status, status::not_found);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_READY_TO_LOCK_PROTOCOL/services",
     .behaviour = "The services of the system table work after the lock as before: EFI_SUCCESS.",
     .run =
         [](Run& t) {
           static constexpr Guid guid = test_guid(0x4401);
           static constinit std::uint64_t interface = 0;
           static constexpr abi::MmiHandler ignore = [](Handle, const void*, void*, abi::UintN*)
                                                         EFIAPI -> EfiStatus { return status::success; };
           Handle handle = nullptr;
           Handle dispatch = nullptr;
           void* memory = nullptr;
           t.status(t.mmst.install_protocol_interface(&handle, &guid, abi::native_interface, &interface),
                    status::success);
           t.status(t.mmst.uninstall_protocol_interface(handle, &guid, &interface), status::success);
           t.status(t.mmst.mmi_handler_register(ignore, &guid, &dispatch), status::success);
           t.status(t.mmst.mmi_handler_unregister(dispatch), status::success);
           t.status(t.mmst.allocate_pool(abi::runtime_services_data, 64, &memory), status::success);
           t.status(t.mmst.free_pool(memory), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/MM_ENTRY_EXIT_NOTIFY/around_each_mmi",
     .behaviour = "gEfiMmEntryNotifyProtocolGuid and gEfiMmExitNotifyProtocolGuid, which edk2 installs around the "
                  "dispatch of each MMI: drivers are notified of each once.",
     .run =
         [](Run& t) {
           static constinit unsigned entries = 0;
           static constinit unsigned exits = 0;
           if (t.step == 0) {
             // This MMI has begun and not ended.
             t.equal(noted.entries, noted.exits + 1);
             entries = noted.entries;
             exits = noted.exits;
             return t.next_mmi();
           }
           t.that(noted.entries >= entries + 2);
           t.equal(noted.entries - entries, noted.exits - exits);
         },
     .when = When::in_mmi},
};

constexpr Test tests_after_boot[] = {
    {.name = "pi4-4/MM_EXIT_BOOT_SERVICES/notified",
     .behaviour = "When an operating system ends boot services, drivers are notified, once.",
     .run =
         [](Run& t) {
           if (t.step == 0) {
             t.equal(noted.calls[exit_boot_services], 0);
             return t.next_exit_boot_services();
           }
           t.equal(noted.calls[exit_boot_services], 1);
           t.that(noted.order[exit_boot_services] > noted.order[ready_to_boot]);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/MM_EXIT_BOOT_SERVICES/again",
     .behaviour = "An operating system's message that announces any of the phases reaches no driver.",
     .run =
         [](Run& t) {
           constexpr Guid messages[] = {abi::end_of_dxe_event_group_guid, abi::dxe_mm_ready_to_lock_protocol_guid,
                                        abi::ready_to_boot_event_group_guid, abi::exit_boot_services_event_group_guid};
           if (t.step != 0) t.status(t.exchange.status, status::not_found);
           if (t.step != std::size(messages)) return t.next_message(messages[t.step], {}, 0);
           t.equal(noted.calls[end_of_dxe], 1);
           t.equal(noted.calls[ready_to_lock], 1);
           t.equal(noted.calls[exit_boot_services], 1);
         },
     .when = When::in_mmi},
    {.name = "pi4-1.1/MM_drivers/runtime",
     .behaviour = "Drivers stay during runtime: handlers answer messages and MMIs after boot services have ended.",
     .run =
         [](Run& t) {
           static constinit unsigned calls = 0;
           static constinit Handle handle = nullptr;
           static constexpr Guid guid = test_guid(0x4402);
           if (t.step == 0) {
             calls = 0;
             static constexpr abi::MmiHandler count = [](Handle, const void*, void*, abi::UintN*) EFIAPI -> EfiStatus {
               ++calls;
               return status::success;
             };
             t.status(t.mmst.mmi_handler_register(count, &guid, &handle), status::success);
             return t.next_message(guid, {}, 0);
           }
           t.status(t.exchange.status, status::success);
           t.equal(calls, 1);
           t.status(t.mmst.mmi_handler_unregister(handle), status::success);
         },
     .when = When::in_mmi},
};

}  // namespace

std::span<const Test> after_boot_tests() { return tests_after_boot; }
std::span<const Test> lifecycle_tests() { return tests; }

EfiStatus prepare_lifecycle(abi::MmSystemTable& mmst) {
  noted = {};
  void* registration = nullptr;
  for (const Guid& guid : phase_guids) {
    const EfiStatus result = mmst.register_protocol_notify(&guid, note_phase, &registration);
    if (status::is_error(result)) return result;
  }
  const EfiStatus entry = mmst.register_protocol_notify(&abi::mm_entry_notify_protocol_guid, note_entry, &registration);
  if (status::is_error(entry)) return entry;
  return mmst.register_protocol_notify(&abi::mm_exit_notify_protocol_guid, note_exit, &registration);
}

}  // namespace redoubt::conformance
