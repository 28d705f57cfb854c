// SPDX-License-Identifier: BSD-2-Clause-Patent
// What went wrong in ring 3, or in ring 0 before a panic.
#pragma once

#include <cstdint>

namespace redoubt::supervisor {

// A ring-3 fault, as the processor or a check of ours found it.
struct Fault {
  std::uint64_t vector;
  std::uint64_t address;  // CR2 of a page fault, else 0
  std::uint64_t rip;
};

}  // namespace redoubt::supervisor
