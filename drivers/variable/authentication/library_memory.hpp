// SPDX-License-Identifier: BSD-2-Clause-Patent
// The memory of the cryptographic library while one message is verified: a block of fixed size from the driver's
// Allocator, given back as a whole. A message can't make the library take more, and nothing of one message is left
// when the next one comes. In images calloc() and free() lead here; host programs have those of their C library.
#pragma once

#include <cstddef>

#include "base/allocator.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::variable {

// Hands out pieces of `arena`, which must be aligned to 16 bytes. First fit; neighbouring free pieces are joined when
// they are passed in a search.
class LibraryMemory {
 public:
  static constexpr std::size_t alignment = 16;  // what vector instructions of compiled code rely on

  explicit LibraryMemory(MutableBytes arena);

  // `count` times `size` bytes of zeroes, aligned, or null.
  void* allocate_cleared(std::size_t count, std::size_t size);
  // Takes back what allocate_cleared() gave; null is allowed. Traps on anything else.
  void release(void* memory);

 private:
  struct Piece;

  Piece* at(std::size_t offset) const;

  std::byte* arena_;
  std::size_t size_;
  std::size_t search_from_ = 0;  // no free piece is before it
};

// The library has memory as long as one of these exists. They don't nest.
class LibraryMemoryScope {
 public:
  static constexpr std::size_t arena_size = std::size_t{128} * 1024;

  explicit LibraryMemoryScope(Allocator& allocator);
  LibraryMemoryScope(const LibraryMemoryScope&) = delete;
  LibraryMemoryScope& operator=(const LibraryMemoryScope&) = delete;
  ~LibraryMemoryScope();

  // False when the Allocator had nothing; the library must not be called then.
  bool is_ready() const { return block_ != nullptr; }

  // The memory of the scope that exists, or null.
  static LibraryMemory* current();

 private:
  Allocator& allocator_;
  void* block_;
  LibraryMemory memory_;
};

}  // namespace redoubt::variable
