// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a message asks that is answered even when its driver is gone (policy/closed_answers.hpp). The supervisor takes
// it when it captures the message, before ring 3, which may fail in the middle, can change what was asked.
#pragma once

#include <cstdint>

namespace redoubt::abi {

struct ClosedQuestion {
  enum class Kind : std::uint32_t { other, secure_boot, setup_mode, payload_size };
  Kind kind = Kind::other;
  std::uint32_t has_room = 0;  // 1: the sender has room for a value of one byte
};
static_assert(sizeof(ClosedQuestion) == 8);

}  // namespace redoubt::abi
