// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variable driver as DXE_SMM_DRIVER (PI 1.9, volume 4, 1.5.1): it finds its system table through the SMM Base2
// protocol, and tells the stock DXE driver by two DXE protocols that messages are answered and variables can be
// written. Boot services may be called until the entry point returns, never later.
#include "drivers/variable/messages/variable_messages.hpp"
#include "drivers/variable/mm_driver.hpp"
#include "sdk/traditional_driver.hpp"

using namespace redoubt;
using abi::EfiStatus;

REDOUBT_SMM_DRIVER(/*image_handle*/, system_table) {
  const abi::BootServices& boot_services = *system_table->boot_services;
  abi::MmSystemTable* mmst = nullptr;
  EfiStatus result = sdk::find_mm_system_table(*system_table, mmst);
  if (abi::status::is_error(result)) {
    return result;
  }
  result = variable::start_driver(*mmst, variable::MessageMemory::shared);
  if (abi::status::is_error(result)) {
    return result;
  }
  abi::Handle handle = nullptr;
  result = boot_services.install_protocol_interface(&handle, &abi::smm_variable_guid, abi::native_interface, nullptr);
  if (!abi::status::is_error(result)) {
    result = boot_services.install_protocol_interface(&handle, &abi::smm_variable_write_guid, abi::native_interface,
                                                      nullptr);
  }
  return result;
}
