// SPDX-License-Identifier: BSD-2-Clause-Patent
// The sizes of a message on its way into MM: what PI 1.9, volume 4 demands of the three Communicate() functions,
// without a sum that can wrap. It looks at the caller's header once and touches nothing behind the header.
//
// PI leaves open what a size that contradicts the header means; these are the answers here:
//
//   *size below the header, or below what the header declares   EFI_INVALID_PARAMETER
//   *size above what the header declares                        accepted: the caller's room for the reply
//   version 3: MessageSize above BufferSize - 56                EFI_INVALID_PARAMETER
//   no size, and a length of zero                               the query PI describes: EFI_BAD_BUFFER_SIZE
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/uefi/types.hpp"

namespace redoubt::launch::dxe {

// Which headers a Communicate() function takes.
enum class HeaderRule : std::uint8_t {
  any,        // versions 1 and 2 of the protocol: EFI_MM_COMMUNICATE_HEADER or the version 3 header
  version_3,  // EFI_MM_COMMUNICATION3_PROTOCOL: its own header only
};

struct MessageCheck {
  abi::EfiStatus status;         // anything but success: nothing goes to MM
  std::uint64_t message_size;    // bytes to hand to MM, header included; never above the capacity
  std::uint64_t reply_capacity;  // bytes of the caller's buffer that a reply may fill, header included
};

// Checks the message at `buffer`, of which the header must be readable: 24 bytes, or 56 when its GUID says version 3
// (when `size` is given: as far as *size reaches). `size` may be null. `capacity` is that of the communication
// buffer, at least one page. With EFI_BAD_BUFFER_SIZE the length field of the header, *size, or both hold the largest
// payload or buffer that MM takes.
MessageCheck check_message(void* buffer, abi::UintN* size, HeaderRule rule, std::uint64_t capacity);

}  // namespace redoubt::launch::dxe
