// SPDX-License-Identifier: BSD-2-Clause-Patent
// GUIDs of the protocols, messages and tables that MM drivers and the foundation agree on: PI 1.9, volume 4,
// chapters 4 and 5; event groups: UEFI 2.10, 7.1 and PI 1.9, volume 2. Names in edk2 stand beside each.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// Installed in the MM database, with a null interface, when the phase they name begins.

// gEfiMmEndOfPeiProtocol: also the message that announces the end of PEI.
inline constexpr Guid mm_end_of_pei_protocol_guid = {
    0xf33e1bf3, 0x980b, 0x4bfb, {0xa2, 0x9a, 0xb2, 0x9c, 0x86, 0x45, 0x37, 0x32}};
// gEfiMmEndOfDxeProtocolGuid.
inline constexpr Guid mm_end_of_dxe_protocol_guid = {
    0x24e70042, 0xd5c5, 0x4260, {0x8c, 0x39, 0x0a, 0xd3, 0xaa, 0x32, 0xe9, 0x3d}};
// gEfiMmReadyToLockProtocolGuid.
inline constexpr Guid mm_ready_to_lock_protocol_guid = {
    0x47b7fa8c, 0xf4bd, 0x4af6, {0x82, 0x00, 0x33, 0x30, 0x86, 0xf0, 0xd2, 0xc8}};

// Messages (HeaderGuid, no data) that tell MM of a phase.

// gEfiDxeMmReadyToLockProtocolGuid.
inline constexpr Guid dxe_mm_ready_to_lock_protocol_guid = {
    0x60ff8964, 0xe906, 0x41d0, {0xaf, 0xed, 0xf2, 0x41, 0xe9, 0x74, 0xe0, 0x8e}};
// gEfiEndOfDxeEventGroupGuid.
inline constexpr Guid end_of_dxe_event_group_guid = {
    0x02ce967a, 0xdd7e, 0x4ffc, {0x9e, 0xe7, 0x81, 0x0c, 0xf0, 0x47, 0x08, 0x80}};
// gEfiEventReadyToBootGuid: message and protocol.
inline constexpr Guid ready_to_boot_event_group_guid = {
    0x7ce88fb3, 0x4bd7, 0x4679, {0x87, 0xa8, 0xa8, 0xd8, 0xde, 0xe5, 0x0d, 0x2b}};
// gEdkiiSmmReadyToBootProtocolGuid: what edk2's Traditional MM core installs instead (MdeModulePkg).
inline constexpr Guid edkii_smm_ready_to_boot_protocol_guid = {
    0x6e057ecf, 0xfa99, 0x4f39, {0x95, 0xbc, 0x59, 0xf9, 0x92, 0x1d, 0x17, 0xe4}};
// gEfiEventExitBootServicesGuid: message and protocol.
inline constexpr Guid exit_boot_services_event_group_guid = {
    0x27abf055, 0xb1b8, 0x4c26, {0x80, 0x48, 0x74, 0x8f, 0x37, 0xba, 0xa2, 0xdf}};
// gEventMmDispatchGuid: asks for another round of the dispatcher.
inline constexpr Guid mm_dispatch_event_guid = {
    0x7e6efffa, 0x69b4, 0x4c1b, {0xa4, 0xc7, 0xaf, 0xf9, 0xc9, 0x24, 0x4f, 0xee}};

// gEfiMmEntryNotifyProtocolGuid and gEfiMmExitNotifyProtocolGuid: notifications around the dispatch of each MMI.
inline constexpr Guid mm_entry_notify_protocol_guid = {
    0x9bfbcc5f, 0x6435, 0x46d3, {0xb9, 0xa5, 0x70, 0xfb, 0xa4, 0x71, 0xe1, 0x26}};
inline constexpr Guid mm_exit_notify_protocol_guid = {
    0x0e265f48, 0x47c0, 0x471f, {0x9c, 0x83, 0xc6, 0xd6, 0x57, 0x64, 0x21, 0xa4}};

// gEfiMmCpuIoProtocolGuid: its interface is MmCpuIoProtocol (abi/pi/mm_system_table.hpp).
inline constexpr Guid mm_cpu_io_protocol_guid = {
    0x3242a9d8, 0xce70, 0x4aa0, {0x95, 0x5d, 0x5e, 0x7b, 0x14, 0x0d, 0xe4, 0xd2}};

// gEfiHobListGuid: the configuration table that holds the HOB list.
inline constexpr Guid hob_list_table_guid = {
    0x7739f24c, 0x93d7, 0x11d4, {0x9a, 0x3a, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};

}  // namespace redoubt::abi
