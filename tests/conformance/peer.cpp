// SPDX-License-Identifier: BSD-2-Clause-Patent
// See peer.hpp.
#include "tests/conformance/peer.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;

constinit PeerProtocol peer = {};
constinit std::uint64_t refused_interface = 0;

EFIAPI std::uint64_t add(PeerProtocol* self, std::uint64_t number) { return self->total += number; }

EFIAPI abi::EfiStatus count_mmi(abi::Handle, const void*, void*, abi::UintN*) {
  ++peer.mmis;
  return status::success;
}

EFIAPI abi::EfiStatus ignore_mmi(abi::Handle, const void*, void*, abi::UintN*) { return status::success; }
EFIAPI abi::EfiStatus ignore_notification(const abi::Guid*, void*, abi::Handle) { return status::success; }

}  // namespace

abi::EfiStatus start_peer(abi::Handle image_handle, abi::MmSystemTable* mmst) {
  peer = {};
  peer.add = add;
  peer.image = image_handle;
  const abi::EfiStatus registered = mmst->mmi_handler_register(count_mmi, &peer_handler_guid, &peer.mmi_handler);
  if (status::is_error(registered)) return registered;
  return mmst->install_protocol_interface(&peer.handle, &peer_protocol_guid, abi::native_interface, &peer);
}

abi::EfiStatus start_refusing(abi::Handle image_handle, abi::MmSystemTable* mmst) {
  void* loaded = nullptr;
  if (mmst->handle_protocol(image_handle, &abi::loaded_image_protocol_guid, &loaded) != status::success) {
    return status::aborted;
  }
  void* const in_image = static_cast<abi::LoadedImageProtocol*>(loaded)->image_base;
  abi::Handle handle = nullptr;
  abi::Handle dispatch = nullptr;
  abi::Handle root = nullptr;
  void* registration = nullptr;
  const abi::EfiStatus results[] = {
      mmst->install_protocol_interface(&handle, &refused_protocol_guid, abi::native_interface, &refused_interface),
      mmst->mmi_handler_register(ignore_mmi, &refused_handler_guid, &dispatch),
      mmst->mmi_handler_register(ignore_mmi, nullptr, &root),
      mmst->register_protocol_notify(&refused_notify_guid, ignore_notification, &registration),
      mmst->install_configuration_table(mmst, &refused_table_guid, in_image, 8),
  };
  for (const abi::EfiStatus result : results) {
    if (status::is_error(result)) return status::aborted;
  }
  return status::unsupported;
}

}  // namespace redoubt::conformance
