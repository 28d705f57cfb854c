// SPDX-License-Identifier: BSD-2-Clause-Patent
// The one way in which parsers look at bytes: every read is checked against the end and copies a value out, so that
// alignment doesn't matter and a field is fetched once. The reader knows where its bytes stand in the whole input,
// so that an error can name the offset.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/result.hpp"

namespace redoubt {

static_assert(std::endian::native == std::endian::little, "firmware formats are little-endian, and so are we");

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

// The bytes of one object.
template <typename T>
  requires std::is_trivially_copyable_v<T>
Bytes object_bytes(const T& object) {
  return std::as_bytes(std::span(&object, 1));
}
template <typename T>
  requires(std::is_trivially_copyable_v<T> && !std::is_const_v<T>)
MutableBytes writable_object_bytes(T& object) {
  return std::as_writable_bytes(std::span(&object, 1));
}

// [offset, offset + size) of `bytes`, or Error::truncated. The arithmetic cannot wrap.
constexpr Result<Bytes> slice(Bytes bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) {
    return std::unexpected(Error::truncated);
  }
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

// Everything from `offset` on, or Error::truncated.
constexpr Result<Bytes> slice_from(Bytes bytes, std::uint64_t offset) {
  if (offset > bytes.size()) {
    return std::unexpected(Error::truncated);
  }
  return bytes.subspan(static_cast<std::size_t>(offset));
}

// A copy of the T at `offset`, or Error::truncated.
template <typename T>
  requires std::is_trivially_copyable_v<T>
Result<T> read_at(Bytes bytes, std::uint64_t offset) {
  const Bytes source = TRY(slice(bytes, offset, sizeof(T)));
  T value;
  __builtin_memcpy(&value, source.data(), sizeof(T));  // a freestanding build inlines only this spelling
  return value;
}

class ByteReader {
 public:
  // `origin` is the offset of bytes[0] in the whole input.
  constexpr explicit ByteReader(Bytes bytes, std::uint64_t origin = 0) : bytes_(bytes), origin_(origin) {}

  // Offset of the next byte in the whole input.
  constexpr std::uint64_t offset() const { return origin_ + position_; }
  // Bytes read so far, and left.
  constexpr std::size_t position() const { return position_; }
  constexpr std::size_t remaining() const { return bytes_.size() - position_; }
  constexpr bool at_end() const { return remaining() == 0; }

  // Nothing is consumed when an operation fails; the error is Error::truncated.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  Result<T> read() {
    const T value = TRY(read_at<T>(bytes_, position_));
    position_ += sizeof(T);
    return value;
  }

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  Result<T> peek() const {
    return read_at<T>(bytes_, position_);
  }

  constexpr Result<Bytes> take(std::uint64_t size) {
    const Bytes taken = TRY(slice(bytes_, position_, size));
    position_ += taken.size();
    return taken;
  }

  constexpr Result<void> skip(std::uint64_t size) {
    TRY(take(size));
    return {};
  }

  // To a position counted from the first byte.
  constexpr Result<void> seek(std::uint64_t position) {
    if (position > bytes_.size()) {
      return std::unexpected(Error::truncated);
    }
    position_ = static_cast<std::size_t>(position);
    return {};
  }

 private:
  Bytes bytes_;
  std::uint64_t origin_;
  std::size_t position_ = 0;
};

}  // namespace redoubt
