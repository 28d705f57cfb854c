// SPDX-License-Identifier: BSD-2-Clause-Patent
// Bodies of the C library's functions that the cryptographic library calls besides memcpy and its relatives (base/
// freestanding). They have names of their own so that they are tested on the host; library_shims.cpp gives them the
// standard ones in images. Strings are the library's own tables and never a message's.
#pragma once

#include <cstddef>

namespace redoubt::variable::library {

inline int compare_strings(const char* left, const char* right) {
  while (*left != '\0' && *left == *right) {
    ++left;
    ++right;
  }
  return static_cast<unsigned char>(*left) - static_cast<unsigned char>(*right);
}

// Null when there is none; the terminator counts.
inline const char* find_character(const char* text, int character) {
  for (;; ++text) {
    if (*text == static_cast<char>(character)) {
      return text;
    }
    if (*text == '\0') {
      return nullptr;
    }
  }
}

inline const char* find_string(const char* text, const char* part) {
  for (;; ++text) {
    std::size_t length = 0;
    while (part[length] != '\0' && text[length] == part[length]) {
      ++length;
    }
    if (part[length] == '\0') {
      return text;
    }
    if (*text == '\0') {
      return nullptr;
    }
  }
}

// For the functions that a fortified program calls instead of memcpy and memset: traps unless `size` bytes fit.
inline void check_room(std::size_t size, std::size_t room) {
  if (size > room) {
    __builtin_trap();
  }
}

}  // namespace redoubt::variable::library
