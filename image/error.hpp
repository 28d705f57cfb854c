// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the parsers of this folder say when they refuse: a kind, where, and why in a few words that end up after "FILE:
// offset 0x..: " on a user's terminal. No allocation, so the words are fixed.
#pragma once

#include <cstdint>

#include "base/byte_reader.hpp"
#include "base/result.hpp"

namespace redoubt::image {

struct ImageError {
  Error code = Error::malformed;
  std::uint64_t offset = 0;  // of what is wrong, in the input that the view's `origin` counts from
  const char* reason = "";   // a string literal
};

template <typename T>
using ImageResult = Result<T, ImageError>;

constexpr std::unexpected<ImageError> malformed(std::uint64_t offset, const char* reason) {
  return std::unexpected(ImageError{Error::malformed, offset, reason});
}
constexpr std::unexpected<ImageError> truncated(std::uint64_t offset, const char* reason) {
  return std::unexpected(ImageError{Error::truncated, offset, reason});
}
constexpr std::unexpected<ImageError> unsupported(std::uint64_t offset, const char* reason) {
  return std::unexpected(ImageError{Error::unsupported, offset, reason});
}

// A copy of the T at `offset` of bytes whose first one has offset `origin`; Error::truncated with `reason` if it
// isn't all there.
template <typename T>
ImageResult<T> read_field(Bytes bytes, std::uint64_t offset, std::uint64_t origin, const char* reason) {
  const auto value = read_at<T>(bytes, offset);
  if (!value.has_value()) [[unlikely]] {
    return truncated(origin + offset, reason);
  }
  return *value;
}

// The same for a run of bytes.
inline ImageResult<Bytes> read_run(Bytes bytes, std::uint64_t offset, std::uint64_t size, std::uint64_t origin,
                                   const char* reason) {
  const auto run = slice(bytes, offset, size);
  if (!run.has_value()) [[unlikely]] {
    return truncated(origin + offset, reason);
  }
  return *run;
}

}  // namespace redoubt::image
