// SPDX-License-Identifier: BSD-2-Clause-Patent
// Other drivers that tests of what happens between drivers need: one that stays and offers a protocol, and one whose
// entry point fails after it has registered all that a driver can.
#pragma once

#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::conformance {

inline constexpr abi::Guid peer_protocol_guid = {
    0x1b7a6c11, 0xC0F3, 0x4E57, {0x8A, 0x11, 0x70, 0x65, 0x65, 0x72, 0, 1}};
inline constexpr abi::Guid peer_handler_guid = {0x1b7a6c12, 0xC0F3, 0x4E57, {0x8A, 0x11, 0x70, 0x65, 0x65, 0x72, 0, 2}};
inline constexpr abi::Guid refused_protocol_guid = {
    0x1b7a6c13, 0xC0F3, 0x4E57, {0x8A, 0x11, 0x70, 0x65, 0x65, 0x72, 0, 3}};
inline constexpr abi::Guid refused_handler_guid = {
    0x1b7a6c14, 0xC0F3, 0x4E57, {0x8A, 0x11, 0x70, 0x65, 0x65, 0x72, 0, 4}};
inline constexpr abi::Guid refused_table_guid = {
    0x1b7a6c15, 0xC0F3, 0x4E57, {0x8A, 0x11, 0x70, 0x65, 0x65, 0x72, 0, 5}};
inline constexpr abi::Guid refused_notify_guid = {
    0x1b7a6c16, 0xC0F3, 0x4E57, {0x8A, 0x11, 0x70, 0x65, 0x65, 0x72, 0, 6}};

// What the peer offers: a function, and what it holds.
struct PeerProtocol {
  std::uint64_t(EFIAPI* add)(PeerProtocol* self, std::uint64_t number);  // to `total`, which it returns
  std::uint64_t total;
  abi::Handle handle;       // that the protocol is on
  abi::Handle image;        // the peer's
  abi::Handle mmi_handler;  // its handler of peer_handler_guid
  std::uint64_t mmis;       // calls of that
  std::uint64_t pool[8];
};

// An entry point that succeeds.
abi::EfiStatus start_peer(abi::Handle image_handle, abi::MmSystemTable* mmst);
// One that returns EFI_UNSUPPORTED, after it has registered handler, notification, protocol and table.
abi::EfiStatus start_refusing(abi::Handle image_handle, abi::MmSystemTable* mmst);

}  // namespace redoubt::conformance
