// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/library_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <vector>

#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

struct alignas(16) Arena {
  std::byte bytes[4096];
};

bool is_zero(const std::byte* memory, std::size_t size) {
  return std::all_of(memory, memory + size, [](std::byte value) { return value == std::byte{0}; });
}

TEST(LibraryMemory, PiecesAreAlignedClearedAndApart) {
  Arena arena;
  std::fill(std::begin(arena.bytes), std::end(arena.bytes), std::byte{0xAA});
  LibraryMemory memory{arena.bytes};
  struct Taken {
    std::byte* bytes;
    std::size_t size;
    std::byte fill;
  };
  std::vector<Taken> taken;
  std::mt19937 random(3);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    if (random() % 2 == 0 && !taken.empty()) {
      const std::size_t index = random() % taken.size();
      const Taken piece = taken[index];
      EXPECT_TRUE(
          std::all_of(piece.bytes, piece.bytes + piece.size, [&](std::byte value) { return value == piece.fill; }));
      memory.release(piece.bytes);
      taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(index));
      continue;
    }
    const std::size_t size = random() % 300;
    auto* bytes = static_cast<std::byte*>(memory.allocate_cleared(1, size));
    if (bytes == nullptr) {
      ++refused;
      continue;
    }
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes) % 16, 0u);
    EXPECT_GE(bytes, arena.bytes);
    EXPECT_LE(bytes + size, std::end(arena.bytes));
    EXPECT_TRUE(is_zero(bytes, size));
    const auto fill = static_cast<std::byte>(random() | 1);
    std::fill(bytes, bytes + size, fill);
    taken.push_back({bytes, size, fill});
  }
  EXPECT_GT(refused, 0);
  for (const Taken& piece : taken) {
    memory.release(piece.bytes);
  }
  // All of it is one piece again.
  EXPECT_NE(memory.allocate_cleared(1, sizeof(arena.bytes) - 16), nullptr);
  EXPECT_EQ(memory.allocate_cleared(0, 0), nullptr);
}

TEST(LibraryMemory, NothingMoreThanThereIs) {
  Arena arena;
  LibraryMemory memory{arena.bytes};
  EXPECT_EQ(memory.allocate_cleared(1, 4096), nullptr);
  EXPECT_EQ(memory.allocate_cleared(SIZE_MAX, 2), nullptr);
  EXPECT_EQ(memory.allocate_cleared(SIZE_MAX / 2 + 2, 2), nullptr);
  EXPECT_EQ(memory.allocate_cleared(1, SIZE_MAX), nullptr);
  memory.release(nullptr);
  void* piece = memory.allocate_cleared(2, 8);
  ASSERT_NE(piece, nullptr);
  EXPECT_EXIT(memory.release(static_cast<std::byte*>(piece) + 1), testing::KilledBySignal(SIGILL), "");
  EXPECT_EXIT(memory.release(&arena + 1), testing::KilledBySignal(SIGILL), "");
  memory.release(piece);
  EXPECT_EXIT(memory.release(piece), testing::KilledBySignal(SIGILL), "");
  LibraryMemory nothing{MutableBytes{}};
  EXPECT_EQ(nothing.allocate_cleared(1, 1), nullptr);
}

TEST(LibraryMemory, ComesFromTheAllocatorAndGoesBack) {
  test::HeapAllocator allocator;
  EXPECT_EQ(LibraryMemoryScope::current(), nullptr);
  {
    const LibraryMemoryScope scope(allocator);
    ASSERT_TRUE(scope.is_ready());
    ASSERT_NE(LibraryMemoryScope::current(), nullptr);
    EXPECT_NE(LibraryMemoryScope::current()->allocate_cleared(1, LibraryMemoryScope::arena_size - 16), nullptr);
  }
  EXPECT_EQ(LibraryMemoryScope::current(), nullptr);
  allocator.allow(0);
  const LibraryMemoryScope scope(allocator);
  EXPECT_FALSE(scope.is_ready());
  EXPECT_EQ(LibraryMemoryScope::current(), nullptr);
}

}  // namespace
}  // namespace redoubt::variable
