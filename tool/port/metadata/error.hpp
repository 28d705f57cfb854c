// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the readers of build metadata say when they refuse: where, and why, in one line.
#pragma once

#include <cstddef>
#include <format>
#include <string>

#include "base/result.hpp"

namespace redoubt::port {

// A line of a file. Files are named as the tree names them, with slashes; lines count from one, and zero is the file as
// a whole.
struct Place {
  std::string file;
  std::size_t line = 0;

  bool operator==(const Place&) const = default;
};

inline std::string to_string(const Place& place) {
  return place.line == 0 ? place.file : std::format("{}:{}", place.file, place.line);
}

struct ReadError {
  Place place;
  std::string reason;
};

inline std::string to_string(const ReadError& error) {
  return std::format("{}: {}", to_string(error.place), error.reason);
}

template <typename T>
using ReadResult = Result<T, ReadError>;

inline std::unexpected<ReadError> refuse(Place place, std::string reason) {
  return std::unexpected(ReadError{std::move(place), std::move(reason)});
}

}  // namespace redoubt::port
