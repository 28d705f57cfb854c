// SPDX-License-Identifier: BSD-2-Clause-Patent
// A DXE driver that looks, at EndOfDxe, at what the runtime services and image verification make of an MM without a
// variable driver (closed_services.hpp): stock BDS never comes to a program then.
//
//   done closed_driver ok|FAILED
#include "abi/pi/mm_protocols.hpp"
#include "tests/guest/uefi/closed_services.hpp"

namespace redoubt::guest {
namespace {

const abi::SystemTable* table = nullptr;
abi::Handle self = nullptr;

EFIAPI void at_end_of_dxe(abi::Event /*event*/, void* /*context*/) {
  closed::time = "EndOfDxe";
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
  abi::Event event = nullptr;
  return system_table->boot_services->create_event_ex(abi::event_notify_signal, abi::tpl::callback,
                                                      guest::at_end_of_dxe, nullptr, &abi::end_of_dxe_event_group_guid,
                                                      &event);
}
