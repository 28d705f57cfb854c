// SPDX-License-Identifier: BSD-2-Clause-Patent
// The messages of drivers that are after what others have: an owner with one object of each kind, a thief that tries
// every service on them, and hoarders that take all memory and then fault. A guest program includes this too; it holds
// no MM interface.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::theft {

enum class Role : std::uint8_t { owner, thief, first_hoarder, second_hoarder };

constexpr abi::Guid handler_guid(Role role) {
  return {0x41f7c2d8, 0x93b5, 0x4e0a, {0x8c, 0x27, 0x74, 0x68, 0x65, 0x66, 0x74, static_cast<std::uint8_t>(role)}};
}

// Of the software MMI that the owner has a child for.
inline constexpr std::uint8_t software_value = 0x6D;

enum class Command : std::uint64_t {
  check,  // the owner: is everything as it was? result: number of the first check that failed, or 0
  steal,  // the thief: result: number of the first attempt that got something, or 0; count: attempts
  hoard,  // a hoarder: takes what it can get. count: pages
  fault,  // a hoarder: the caller gets no answer
};

struct Message {
  Command command;
  std::uint64_t result;
  std::uint64_t count;
};
static_assert(sizeof(Message) == 24);

}  // namespace redoubt::theft
