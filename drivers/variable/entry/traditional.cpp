// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variable driver as DXE_SMM_DRIVER (PI 1.9, volume 4, 1.5.1): it finds its system table through the SMM Base2
// protocol, and tells the stock DXE driver by two DXE protocols that messages are answered and flash can be written.
// Boot services may be called until the entry point returns, never later.
#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/boot_services.hpp"
#include "abi/uefi/system_table.hpp"
#include "drivers/variable/messages/variable_messages.hpp"
#include "drivers/variable/mm_driver.hpp"

namespace {

using namespace redoubt;
using abi::EfiStatus;

// EFI_SMM_BASE2_PROTOCOL (PI 1.9, volume 4, 4.5.1, there EFI_MM_BASE_PROTOCOL), gEfiSmmBase2ProtocolGuid.
struct SmmBase2Protocol {
  EfiStatus(EFIAPI* in_smm)(const SmmBase2Protocol* self, abi::Boolean* in_smram);
  EfiStatus(EFIAPI* get_smst_location)(const SmmBase2Protocol* self, abi::MmSystemTable** smst);
};
constexpr abi::Guid smm_base2_protocol_guid = {
    0xf4ccbfb7, 0xf6e0, 0x47fd, {0x9d, 0xd4, 0x10, 0xa8, 0xf1, 0x50, 0xc1, 0x91}};

}  // namespace

extern "C" EFIAPI EfiStatus smm_driver_entry(abi::Handle image_handle, abi::SystemTable* system_table);

extern "C" EFIAPI EfiStatus smm_driver_entry(abi::Handle /*image_handle*/, abi::SystemTable* system_table) {
  const abi::BootServices& boot_services = *system_table->boot_services;
  void* interface = nullptr;
  EfiStatus result = boot_services.locate_protocol(&smm_base2_protocol_guid, nullptr, &interface);
  if (abi::status::is_error(result)) {
    return result;
  }
  const auto* base = static_cast<const SmmBase2Protocol*>(interface);
  abi::MmSystemTable* mmst = nullptr;
  result = base->get_smst_location(base, &mmst);
  if (abi::status::is_error(result)) {
    return result;
  }
  bool can_write_flash = false;
  result = variable::start_driver(*mmst, variable::CommBuffer::shared, can_write_flash);
  if (abi::status::is_error(result)) {
    return result;
  }
  abi::Handle handle = nullptr;
  result = boot_services.install_protocol_interface(&handle, &variable::messages::variable_message_guid,
                                                    abi::native_interface, nullptr);
  if (!abi::status::is_error(result) && can_write_flash) {
    result = boot_services.install_protocol_interface(&handle, &variable::messages::variable_write_guid,
                                                      abi::native_interface, nullptr);
  }
  return result;
}
