// SPDX-License-Identifier: BSD-2-Clause-Patent
// What small pool buffers are cut from. A slab is one driver's alone, so that its page has one owner, what a driver
// holds is pages, and what a stopped driver held stays out of use by itself.
#pragma once

#include <array>
#include <cstdint>

#include "foundation/driver_ledger.hpp"
#include "foundation/record_list.hpp"

namespace redoubt::foundation {

// A page cut into pool buffers.
struct PoolSlab {
  std::uint64_t address = 0;
  std::uint64_t used[2] = {};  // one bit for each buffer
  std::uint32_t used_count = 0;
  std::uint32_t shift = 0;  // a buffer has 2^shift bytes
  DriverNumber owner = foundation_itself;
  RecordLink<PoolSlab> available;  // among slabs of its owner and class with room
};

struct DriverPool {
  static constexpr std::uint32_t smallest_shift = 5;  // 32 bytes: 128 to a page
  static constexpr std::uint32_t largest_shift = 11;  // 2048 bytes
  static constexpr std::size_t class_count = largest_shift - smallest_shift + 1;
  using SlabList = RecordList<PoolSlab, &PoolSlab::available>;

  std::array<SlabList, class_count> available{};
};

}  // namespace redoubt::foundation
