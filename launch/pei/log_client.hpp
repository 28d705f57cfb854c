// SPDX-License-Identifier: BSD-2-Clause-Patent
// What went wrong in MM while it was launched, on the console: a machine that starts nothing, or not what it started
// before, says why even where its debug console isn't read. The log comes through the observation message
// (abi/redoubt/observation.hpp), so the host can change its bytes: each is read once and no length in it is believed.
#pragma once

#include <cstdint>

#include "launch/pei/console.hpp"
#include "launch/pei/message_channel.hpp"

namespace redoubt::launch {

inline constexpr std::uint32_t most_shown_errors = 32;  // a line at the end says that there are more

struct ShownErrors {
  std::uint32_t count = 0;
  const char* failure = nullptr;  // why the log wasn't read to its end
};

// Writes each entry of level error in MM's log to `console`, as "Redoubt MM: TEXT".
ShownErrors show_errors(MessageChannel& channel, Console& console);

}  // namespace redoubt::launch
