// SPDX-License-Identifier: BSD-2-Clause-Patent
// Waiting by the board's timer.
#pragma once

#include <cstdint>

#include "platform/board.hpp"

namespace redoubt::platform {

// Waits up to `milliseconds` for `done` to return true, and returns what it last returned.
template <typename Condition>
bool wait_for(Condition done, std::uint32_t milliseconds) {
  const std::uint32_t limit = milliseconds * (board::timer_hertz / 1000);
  std::uint32_t last = read_timer();
  std::uint32_t elapsed = 0;
  while (elapsed < limit) {
    if (done()) {
      return true;
    }
    asm volatile("pause");
    const std::uint32_t now = read_timer();
    elapsed += (now - last) & board::timer_mask;
    last = now;
  }
  return done();
}

}  // namespace redoubt::platform
