// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/library_memory.hpp"

#include <cstdint>

namespace redoubt::variable {

namespace {

constinit LibraryMemory* current_memory = nullptr;

constexpr std::size_t round_up(std::size_t size) {
  return (size + LibraryMemory::alignment - 1) & ~(LibraryMemory::alignment - 1);
}

// The aligned part of a block that is longer than the arena by the alignment.
MutableBytes aligned_arena(void* block) {
  if (block == nullptr) {
    return {};
  }
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  return {static_cast<std::byte*>(block) + (round_up(address) - address), LibraryMemoryScope::arena_size};
}

}  // namespace

// Stands before each piece; pieces fill the arena one after the other.
struct alignas(LibraryMemory::alignment) LibraryMemory::Piece {
  std::size_t size;  // this header included, a multiple of the alignment
  std::size_t used;  // 0 or 1
};

LibraryMemory::LibraryMemory(MutableBytes arena) : arena_(arena.data()), size_(arena.size() & ~(alignment - 1)) {
  if (size_ >= sizeof(Piece)) {
    *at(0) = {size_, 0};
  }
}

LibraryMemory::Piece* LibraryMemory::at(std::size_t offset) const { return reinterpret_cast<Piece*>(arena_ + offset); }

void* LibraryMemory::allocate_cleared(std::size_t count, std::size_t size) {
  std::size_t wanted = 0;
  if (__builtin_mul_overflow(count, size, &wanted) || wanted > size_) {
    return nullptr;
  }
  wanted = round_up(wanted) + sizeof(Piece);
  bool passed_free = false;
  for (std::size_t offset = search_from_; offset < size_; offset += at(offset)->size) {
    Piece& piece = *at(offset);
    if (piece.used != 0) {
      continue;
    }
    while (offset + piece.size < size_ && at(offset + piece.size)->used == 0) {
      piece.size += at(offset + piece.size)->size;
    }
    if (piece.size < wanted) {
      passed_free = true;
      continue;
    }
    if (piece.size > wanted) {
      *at(offset + wanted) = {piece.size - wanted, 0};
    }
    piece = {wanted, 1};
    if (!passed_free) {
      search_from_ = offset + wanted;
    }
    std::byte* memory = arena_ + offset + sizeof(Piece);
    __builtin_memset(memory, 0, wanted - sizeof(Piece));
    return memory;
  }
  return nullptr;
}

void LibraryMemory::release(void* memory) {
  if (memory == nullptr) {
    return;
  }
  const std::uintptr_t distance = reinterpret_cast<std::uintptr_t>(memory) - reinterpret_cast<std::uintptr_t>(arena_);
  if (distance < sizeof(Piece) || distance >= size_ || distance % alignment != 0) {
    __builtin_trap();
  }
  const std::size_t offset = distance - sizeof(Piece);
  if (at(offset)->used != 1) {
    __builtin_trap();
  }
  at(offset)->used = 0;
  if (offset < search_from_) {
    search_from_ = offset;
  }
}

LibraryMemoryScope::LibraryMemoryScope(Allocator& allocator)
    : allocator_(allocator),
      block_(allocator.allocate(arena_size + LibraryMemory::alignment)),
      memory_(aligned_arena(block_)) {
  if (block_ != nullptr) {
    current_memory = &memory_;
  }
}

LibraryMemoryScope::~LibraryMemoryScope() {
  current_memory = nullptr;
  allocator_.release(block_);
}

LibraryMemory* LibraryMemoryScope::current() { return current_memory; }

}  // namespace redoubt::variable
