// SPDX-License-Identifier: BSD-2-Clause-Patent
// The guest's memory routines against the host's C library, for every size around the thresholds, every alignment
// and every overlap.
#include "base/freestanding/memory_routines.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace redoubt::base::freestanding {
namespace {

constexpr std::size_t longest = 150;

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>(i * 37 + 11);
  }
  return bytes;
}

TEST(MemoryRoutines, CopyWritesExactlyTheGivenBytes) {
  for (std::size_t size = 0; size <= longest; ++size) {
    for (std::size_t shift = 0; shift < 8; ++shift) {
      const auto source = pattern(size + 8);
      std::vector<std::byte> ours(size + 24);
      auto theirs = ours;
      move_ascending(ours.data() + 8 - shift, source.data() + shift, size);
      std::memcpy(theirs.data() + 8 - shift, source.data() + shift, size);
      ASSERT_EQ(ours, theirs) << size << " " << shift;
    }
  }
}

TEST(MemoryRoutines, MoveHandlesEveryOverlap) {
  for (std::size_t size = 0; size <= longest; ++size) {
    for (std::size_t from = 0; from <= 20; ++from) {
      for (std::size_t to = 0; to <= 20; ++to) {
        auto ours = pattern(size + 24);
        auto theirs = ours;
        move_bytes(ours.data() + to, ours.data() + from, size);
        std::memmove(theirs.data() + to, theirs.data() + from, size);
        ASSERT_EQ(ours, theirs) << size << " " << from << " " << to;
      }
    }
  }
}

TEST(MemoryRoutines, FillWritesExactlyTheGivenBytes) {
  for (std::size_t size = 0; size <= longest; ++size) {
    std::vector<std::byte> ours(size + 16);
    auto theirs = ours;
    fill(ours.data() + 5, 0xC3, size);
    std::memset(theirs.data() + 5, 0xC3, size);
    ASSERT_EQ(ours, theirs) << size;
  }
}

TEST(MemoryRoutines, CompareFindsTheFirstDifference) {
  for (std::size_t size = 0; size <= 40; ++size) {
    const auto left = pattern(size);
    EXPECT_EQ(compare(left.data(), left.data(), size), 0);
    for (std::size_t at = 0; at < size; ++at) {
      auto right = left;
      right[at] ^= std::byte{0x80};
      if (at + 1 < size) {
        right[at + 1] ^= std::byte{0xFF};
      }
      const int expected = std::memcmp(left.data(), right.data(), size);
      EXPECT_EQ(compare(left.data(), right.data(), size) < 0, expected < 0) << size << " " << at;
      EXPECT_NE(compare(left.data(), right.data(), size), 0);
    }
  }
}

TEST(MemoryRoutines, LengthStopsAtZero) {
  EXPECT_EQ(length(""), 0u);
  EXPECT_EQ(length("redoubt"), 7u);
}

}  // namespace
}  // namespace redoubt::base::freestanding
