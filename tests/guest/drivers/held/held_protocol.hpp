// SPDX-License-Identifier: BSD-2-Clause-Patent
// The message of the held driver, which does what a driver does around a flash write, and times it.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::held {

inline constexpr abi::Guid handler_guid = {
    0x5d1c7a3e, 0x0f46, 0x4b8b, {0x8c, 0x29, 0x68, 0x65, 0x6c, 0x64, 0x00, 0x01}};

struct Message {
  // What ProcessorsHeldProtocol answered before the write and after it.
  abi::EfiStatus before;
  std::uint64_t presumed_stopped_before;
  abi::EfiStatus after;
  std::uint64_t presumed_stopped_after;
  // The write: from when to when, by the time stamp counter.
  std::uint64_t begin;
  std::uint64_t end;
  // The least ticks of one more call, of some.
  std::uint64_t least_ticks;
};
static_assert(sizeof(Message) == 56);

}  // namespace redoubt::held
