// SPDX-License-Identifier: BSD-2-Clause-Patent
// A DXE driver that looks, as soon as the variable services are there, at what they and image verification make of an
// MM without a variable driver (closed_services.hpp): stock DXE never comes to a program then, nor to EndOfDxe.
//
//   done closed_driver ok|FAILED
#include "tests/guest/uefi/closed_services.hpp"

namespace redoubt::guest {
namespace {

// EFI_VARIABLE_WRITE_ARCH_PROTOCOL (PI 1.9, volume 2, 12.14).
constexpr abi::Guid variable_write_arch_guid = {
    0x6441f818, 0x6362, 0x4e44, {0xb5, 0x70, 0x7d, 0xba, 0x31, 0xdd, 0x24, 0x53}};

const abi::SystemTable* table = nullptr;
abi::Handle self = nullptr;

EFIAPI void look(abi::Event /*event*/, void* /*context*/) {
  void* interface = nullptr;
  if (table->boot_services->locate_protocol(&variable_write_arch_guid, nullptr, &interface) != abi::status::success) {
    return;
  }
  closed::time = "in DXE";
  closed::look_at_all(*table, self);
  print_line("done closed_driver ", closed::all_well ? "ok" : "FAILED");
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus closed_driver_entry(redoubt::abi::Handle image_handle,
                                                              redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus closed_driver_entry(redoubt::abi::Handle image_handle,
                                                              redoubt::abi::SystemTable* system_table) {
  using namespace redoubt;
  guest::table = system_table;
  guest::self = image_handle;
  const abi::BootServices& boot = *system_table->boot_services;
  abi::Event event = nullptr;
  const abi::EfiStatus created =
      boot.create_event(abi::event_notify_signal, abi::tpl::callback, guest::look, nullptr, &event);
  if (abi::status::is_error(created)) return created;
  void* registration = nullptr;
  boot.signal_event(event);  // it may be there
  return boot.register_protocol_notify(&guest::variable_write_arch_guid, event, &registration);
}
