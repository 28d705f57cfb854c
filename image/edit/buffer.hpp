// SPDX-License-Identifier: BSD-2-Clause-Patent
// Bytes that are owned and can be changed, for the composing half of image/, as Bytes is for the reading half. Writing
// outside a buffer is a mistake of ours, never of the input, so it isn't an error but an assertion.
#pragma once

#include <cassert>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "base/byte_reader.hpp"
#include "base/checked.hpp"

namespace redoubt::image::edit {

using Buffer = std::vector<std::byte>;

// Why an edit or a parse cannot be done, in words for the user.
struct EditError {
  Error error;
  std::string reason;
};

template <typename T>
using EditResult = Result<T, EditError>;

inline std::unexpected<EditError> refuse(Error error, std::string reason) {
  return std::unexpected(EditError{error, std::move(reason)});
}

inline void append(Buffer& buffer, Bytes bytes) { buffer.insert(buffer.end(), bytes.begin(), bytes.end()); }

template <typename T>
  requires std::is_trivially_copyable_v<T>
Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

template <typename T>
  requires(std::is_trivially_copyable_v<T> && !std::is_convertible_v<T, Bytes>)
void append(Buffer& buffer, const T& value) {
  append(buffer, bytes_of(value));
}

// Zeros up to the next multiple of `alignment`, as sections are padded.
inline void pad_to(Buffer& buffer, std::size_t alignment) { buffer.resize(align_up(buffer.size(), alignment)); }

inline void write_at(Buffer& buffer, std::size_t offset, Bytes bytes) {
  assert(offset <= buffer.size() && bytes.size() <= buffer.size() - offset);
  if (!bytes.empty()) std::memcpy(buffer.data() + offset, bytes.data(), bytes.size());
}

template <typename T>
  requires(std::is_trivially_copyable_v<T> && !std::is_convertible_v<T, Bytes>)
void write_at(Buffer& buffer, std::size_t offset, const T& value) {
  write_at(buffer, offset, bytes_of(value));
}

// A 24-bit size field.
inline void put_size24(std::uint8_t (&field)[3], std::uint64_t size) {
  for (int i = 0; i < 3; ++i) field[i] = static_cast<std::uint8_t>(size >> (8 * i));
}

}  // namespace redoubt::image::edit
