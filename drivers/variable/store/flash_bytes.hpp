// SPDX-License-Identifier: BSD-2-Clause-Patent
// Structures in flash, to and from bytes.
#pragma once

#include <algorithm>

#include "base/byte_reader.hpp"

namespace redoubt::variable {

// `bytes` is known to hold a T at `offset`.
template <typename T>
T load(Bytes bytes, std::size_t offset) {
  T value;
  __builtin_memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <typename T>
Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// Whether the cells at `cells` are these bytes. By words: it's done twice for each write.
inline bool holds(const std::byte* cells, Bytes bytes) {
  std::size_t offset = 0;
  for (; offset + sizeof(std::uint64_t) <= bytes.size(); offset += sizeof(std::uint64_t)) {
    if (load<std::uint64_t>({cells, bytes.size()}, offset) != load<std::uint64_t>(bytes, offset)) {
      return false;
    }
  }
  for (; offset < bytes.size(); ++offset) {
    if (cells[offset] != bytes[offset]) {
      return false;
    }
  }
  return true;
}

// Whether all of it is as erased.
inline bool is_blank(Bytes bytes) {
  std::size_t offset = 0;
  for (; offset + sizeof(std::uint64_t) <= bytes.size(); offset += sizeof(std::uint64_t)) {
    if (load<std::uint64_t>(bytes, offset) != UINT64_MAX) {
      return false;
    }
  }
  return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(offset), bytes.end(),
                     [](std::byte cell) { return cell == std::byte{0xFF}; });
}

}  // namespace redoubt::variable
