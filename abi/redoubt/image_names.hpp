// SPDX-License-Identifier: BSD-2-Clause-Patent
// The names by which the converter and the IPL find Redoubt's own files in a firmware image, and by which the converter
// recognises an image that it converted already. They never change; the code behind them does.
//
// In the DXE volume stands one FREEFORM file, volume_file, whose only firmware volume image section holds the MM
// volume. In the MM volume: the supervisor (file type MM_CORE_STANDALONE), the foundation (FREEFORM, so that no other
// core takes it for a driver), and each driver (MM_STANDALONE: MM_DEPEX, PE32, user interface section). What our own
// drivers are called stands in the manifest of the firmware build (cmake/FirmwareBundle.cmake).
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::abi::image_names {

// Files of the MM volume.
inline constexpr Guid supervisor = {0x48515cc5, 0x4613, 0x4ec4, {0x8b, 0xdd, 0x06, 0xa0, 0x1c, 0xc2, 0xd5, 0x5b}};
inline constexpr Guid foundation = {0x1d61d04e, 0x63d0, 0x48af, {0x98, 0x17, 0x49, 0x5a, 0x65, 0xe6, 0x5c, 0xaf}};
// The MM volume's name in its extension header, and the file of the DXE volume that holds it.
inline constexpr Guid mm_volume = {0xbb1ff377, 0x502c, 0x4e69, {0x93, 0x63, 0xcb, 0x3a, 0x7c, 0x58, 0xd7, 0xbd}};
inline constexpr Guid volume_file = {0x6433f0a1, 0x8f17, 0x407a, {0xb9, 0x5e, 0xf1, 0x44, 0xc4, 0x10, 0x16, 0x15}};
// A FREEFORM file of the MM volume whose only RAW section lists, as bare GUIDs, the drivers whose images the loader
// takes although their sections aren't aligned to 4 KiB: the exceptions that the converter was asked for by name. In
// other volumes it means nothing.
inline constexpr Guid alignment_exceptions = {
    0x3d2f8c51, 0x7b64, 0x4e0a, {0x9c, 0x1d, 0x5a, 0x86, 0x20, 0xe4, 0xb7, 0x93}};
// A FREEFORM file of the MM volume whose only RAW section says what becomes of the machine when a driver fails
// (fault_policy.hpp). In other volumes it means nothing.
inline constexpr Guid fault_policies = {0xa71c3f08, 0x52de, 0x4b96, {0x8e, 0x47, 0x1b, 0xf3, 0x9d, 0x60, 0xc5, 0x2a}};
// The variable driver's file. The manifest names it too (cmake/FirmwareBundle.cmake).
inline constexpr Guid variable_driver = {0xbe9c3c34, 0xed6b, 0x47d0, {0xb3, 0x54, 0x4e, 0x80, 0x4a, 0x17, 0x2a, 0x00}};
// Files of the stock volumes.
inline constexpr Guid ipl = {0x9297c37e, 0xaff0, 0x48f1, {0x86, 0x63, 0x47, 0xb3, 0x84, 0xa2, 0xaa, 0x92}};
inline constexpr Guid communication_dxe = {
    0xec432e62, 0xa1b2, 0x43c5, {0x85, 0x17, 0x52, 0x42, 0x75, 0x93, 0x5f, 0xa8}};

// User interface names of the files.
inline constexpr char supervisor_name[] = "RedoubtSupervisor";
inline constexpr char foundation_name[] = "RedoubtFoundation";
inline constexpr char alignment_exceptions_name[] = "RedoubtAlignmentExceptions";
inline constexpr char fault_policies_name[] = "RedoubtFaultPolicies";
inline constexpr char volume_file_name[] = "RedoubtMmVolume";
inline constexpr char ipl_name[] = "RedoubtIpl";
inline constexpr char communication_dxe_name[] = "RedoubtCommunicationDxe";

}  // namespace redoubt::abi::image_names
