// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_BOOT_SERVICES (UEFI 2.10, section 4.4 and chapter 7), for 64-bit DXE code. Slots that nothing here calls are
// anonymous pointers: they keep the layout and cannot be called by mistake. The table's own entries beyond
// create_event_ex don't exist.
#pragma once

#include "abi/uefi/service_types.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

using Event = void*;
using Tpl = UintN;

namespace tpl {
inline constexpr Tpl application = 4;
inline constexpr Tpl callback = 8;
inline constexpr Tpl notify = 16;
inline constexpr Tpl high_level = 31;
}  // namespace tpl

inline constexpr std::uint32_t event_notify_signal = 0x00000200;  // EVT_NOTIFY_SIGNAL (UEFI 2.10, 7.1.1)

using NotifyFunction = void(EFIAPI*)(Event event, void* context);

struct BootServices {
  TableHeader header;

  Tpl(EFIAPI* raise_tpl)(Tpl new_tpl);
  void(EFIAPI* restore_tpl)(Tpl old_tpl);

  EfiStatus(EFIAPI* allocate_pages)(AllocateType type, MemoryType memory_type, UintN pages, EfiPhysicalAddress* memory);
  EfiStatus(EFIAPI* free_pages)(EfiPhysicalAddress memory, UintN pages);
  // The map is an array of descriptors of `descriptor_size` bytes each.
  EfiStatus(EFIAPI* get_memory_map)(UintN* map_size, void* map, UintN* map_key, UintN* descriptor_size,
                                    std::uint32_t* descriptor_version);
  EfiStatus(EFIAPI* allocate_pool)(MemoryType memory_type, UintN size, void** buffer);
  EfiStatus(EFIAPI* free_pool)(void* buffer);

  EfiStatus(EFIAPI* create_event)(std::uint32_t type, Tpl notify_tpl, NotifyFunction notify, void* context,
                                  Event* event);
  void* timer_slots[2];  // SetTimer, WaitForEvent
  EfiStatus(EFIAPI* signal_event)(Event event);
  EfiStatus(EFIAPI* close_event)(Event event);
  void* check_event_slot;

  EfiStatus(EFIAPI* install_protocol_interface)(Handle* handle, const Guid* protocol, InterfaceType interface_type,
                                                void* interface);
  void* reinstall_protocol_interface_slot;
  EfiStatus(EFIAPI* uninstall_protocol_interface)(Handle handle, const Guid* protocol, void* interface);
  EfiStatus(EFIAPI* handle_protocol)(Handle handle, const Guid* protocol, void** interface);
  void* reserved_slot;
  EfiStatus(EFIAPI* register_protocol_notify)(const Guid* protocol, Event event, void** registration);
  void* locate_slots[3];  // LocateHandle, LocateDevicePath, InstallConfigurationTable

  EfiStatus(EFIAPI* load_image)(std::uint8_t boot_policy, Handle parent, const void* device_path, const void* source,
                                UintN source_size, Handle* image);
  void* start_image_slot;
  EfiStatus(EFIAPI* exit)(Handle image, EfiStatus exit_status, UintN exit_data_size, Char16* exit_data);
  void* unload_image_slot;
  EfiStatus(EFIAPI* exit_boot_services)(Handle image, UintN map_key);
  void* get_next_monotonic_count_slot;

  EfiStatus(EFIAPI* stall)(UintN microseconds);
  EfiStatus(EFIAPI* set_watchdog_timer)(UintN seconds, std::uint64_t code, UintN data_size, Char16* data);

  void* driver_slots[2];         // ConnectController, DisconnectController
  void* open_protocol_slots[3];  // OpenProtocol, CloseProtocol, OpenProtocolInformation
  void* protocols_per_handle_slot;
  EfiStatus(EFIAPI* locate_handle_buffer)(LocateSearchType search, const Guid* protocol, void* search_key, UintN* count,
                                          Handle** handles);
  EfiStatus(EFIAPI* locate_protocol)(const Guid* protocol, void* registration, void** interface);
  void* multiple_interfaces_slots[2];  // InstallMultipleProtocolInterfaces, UninstallMultipleProtocolInterfaces
  void* memory_slots[3];               // CalculateCrc32, CopyMem, SetMem
  EfiStatus(EFIAPI* create_event_ex)(std::uint32_t type, Tpl notify_tpl, NotifyFunction notify, const void* context,
                                     const Guid* event_group, Event* event);
};

#if defined(__x86_64__)
static_assert(offsetof(BootServices, raise_tpl) == 24 && offsetof(BootServices, allocate_pages) == 40 &&
              offsetof(BootServices, create_event) == 80 && offsetof(BootServices, signal_event) == 104 &&
              offsetof(BootServices, install_protocol_interface) == 128 &&
              offsetof(BootServices, register_protocol_notify) == 168 && offsetof(BootServices, exit) == 216 &&
              offsetof(BootServices, stall) == 248 && offsetof(BootServices, locate_handle_buffer) == 312 &&
              offsetof(BootServices, locate_protocol) == 320 && offsetof(BootServices, create_event_ex) == 368 &&
              sizeof(BootServices) == 376);
#endif

// gEfiEventVirtualAddressChangeGuid (UEFI 2.10, 7.1.2).
inline constexpr Guid virtual_address_change_event_group_guid = {
    0x13fa7698, 0xc831, 0x49c7, {0x87, 0xea, 0x8f, 0x43, 0xfc, 0xc2, 0x51, 0x96}};

}  // namespace redoubt::abi
