// SPDX-License-Identifier: BSD-2-Clause-Patent
#pragma once

#include <atomic>
#include <cstdint>

#include "abi/uefi/types.hpp"

namespace redoubt::guest {

// The second CPU's work: what it's told, what it does, how often it did.
struct Flipper {
  enum Order : std::uint32_t { stay, flip, leave };
  std::atomic<std::uint32_t> order{stay};
  std::atomic<std::uint32_t> obeyed{leave};
  std::uint32_t home = 0;  // register values
  std::uint32_t in_front = 0;
  std::uint64_t probe = 0;  // address of a byte that differs, in the window and in flash
  std::uint8_t in_window = 0;
  std::atomic<std::uint64_t> flips{0};
  std::atomic<std::uint64_t> seen{0};
};

// For the CPU itself; `argument` is a Flipper.
EFIAPI void flip_window(void* argument);

}  // namespace redoubt::guest
