// SPDX-License-Identifier: BSD-2-Clause-Patent
// The message that the echo driver answers, for callers of either width: every length and every byte of the answer
// follows from the request, so that a caller sees what became of both on the way.
#pragma once

#include <cstddef>

#include "abi/uefi/types.hpp"

namespace redoubt::echo {

inline constexpr abi::Guid handler_guid = {
    0x0a3b1e52, 0x5b0f, 0x4c2e, {0x9d, 0x41, 0x65, 0x63, 0x68, 0x6f, 0x00, 0x01}};

// The request starts with this; any bytes may follow. A shorter one gets no answer (EFI_NOT_FOUND).
struct Request {
  std::uint64_t answer_size;  // bytes that the answer is to have, this structure included
};

// The answer: how many bytes the driver was given, then from offset 8 on the request's bytes inverted, and behind the
// request's end the low byte of each offset.
struct Answer {
  std::uint64_t received;
};

constexpr std::uint8_t answer_byte(std::uint8_t requested, std::size_t offset, std::uint64_t received) {
  return offset < received ? static_cast<std::uint8_t>(~requested) : static_cast<std::uint8_t>(offset);
}

}  // namespace redoubt::echo
