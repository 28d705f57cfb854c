// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the payload tells the foundation that calls at random: where its random numbers begin.
#pragma once

#include <cstdint>

#include "abi/pi/communicate.hpp"

namespace redoubt::guest {

inline constexpr abi::Guid random_calls_guid = {
    0x72616e64, 0x6f6d, 0x2063, {0x61, 0x6c, 0x6c, 0x73, 0x21, 0x21, 0x21, 0x21}};

struct RandomMessage {
  abi::CommunicateHeader header{random_calls_guid, sizeof(std::uint64_t)};
  std::uint64_t seed = 0;
};

}  // namespace redoubt::guest
