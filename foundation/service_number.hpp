// SPDX-License-Identifier: BSD-2-Clause-Patent
// Numbers of the gates through which drivers call MM services: one for each function in EFI_MM_SYSTEM_TABLE, in the
// table's order, then those of protocols. Between foundation and gates only; a driver knows addresses.
#pragma once

#include <cstdint>

#include "abi/redoubt/syscall.hpp"

namespace redoubt::foundation {

enum class Service : std::uint32_t {
  install_configuration_table,
  memory_read,
  memory_write,
  io_read,
  io_write,
  allocate_pool,
  free_pool,
  allocate_pages,
  free_pages,
  startup_this_ap,
  install_protocol_interface,
  uninstall_protocol_interface,
  handle_protocol,
  register_protocol_notify,
  locate_handle,
  locate_protocol,
  mmi_manage,
  mmi_handler_register,
  mmi_handler_unregister,
  // EFI_MM_ACCESS, EFI_MM_CONFIGURATION and memory attributes (foundation/protocols/foundation_protocols.hpp)
  access_open,
  access_close,
  access_lock,
  access_get_capabilities,
  register_mm_entry,
  get_memory_attributes,
  set_memory_attributes,
  clear_memory_attributes,
  // LogProtocol (abi/redoubt/observation.hpp)
  log_write,
  // EFI_MM_CPU_PROTOCOL and EFI_MM_MP_PROTOCOL (foundation/processors/)
  read_save_state,
  write_save_state,
  get_number_of_processors,
  dispatch_procedure,
  broadcast_procedure,
  set_startup_procedure,
  check_for_procedure,
  wait_for_procedure,
  // UnblockedMemoryProtocol (abi/redoubt/unblock.hpp)
  check_unblocked,
  // ProcessorsHeldProtocol (abi/redoubt/processors_held.hpp)
  hold_processors,
  // DriverImagesProtocol (abi/redoubt/driver_images.hpp)
  find_driver,
  count,
};
static_assert(static_cast<std::uint32_t>(Service::count) <= abi::gate_count);

}  // namespace redoubt::foundation
