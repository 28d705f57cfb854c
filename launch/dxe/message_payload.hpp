// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which handler a message is for and where its payload lies, with either header.
#pragma once

#include <optional>

#include "abi/pi/communicate.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::launch::dxe {

struct MessagePayload {
  abi::Guid handler;
  MutableBytes bytes;
};

// `message` is what the caller handed over, `size` the bytes of it that can be read. Nothing when they hold no header.
// The header's own lengths aren't looked at.
inline std::optional<MessagePayload> message_payload(void* message, std::size_t size) {
  if (message == nullptr || size < sizeof(abi::CommunicateHeader)) {
    return std::nullopt;
  }
  auto* bytes = static_cast<std::byte*>(message);
  abi::Guid guid;
  __builtin_memcpy(&guid, bytes, sizeof(guid));
  std::size_t header_size = sizeof(abi::CommunicateHeader);
  if (guid == abi::communicate_header_v3_guid) {
    header_size = sizeof(abi::CommunicateHeaderV3);
    if (size < header_size) {
      return std::nullopt;
    }
    __builtin_memcpy(&guid, bytes + offsetof(abi::CommunicateHeaderV3, message_guid), sizeof(guid));
  }
  return MessagePayload{guid, {bytes + header_size, size - header_size}};
}

}  // namespace redoubt::launch::dxe
