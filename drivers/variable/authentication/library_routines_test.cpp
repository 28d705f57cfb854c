// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/library_routines.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

namespace redoubt::variable::library {
namespace {

constexpr const char* texts[] = {"", "a", "b", "ab", "aab", "abab", "\xFF", "ab\xFFz", "SHA256", "SHA25"};

int sign(int value) { return (value > 0) - (value < 0); }

TEST(LibraryRoutines, SearchAndCompareLikeTheCLibrary) {
  for (const char* left : texts) {
    for (const char* right : texts) {
      EXPECT_EQ(sign(compare_strings(left, right)), sign(std::strcmp(left, right))) << left << ' ' << right;
      EXPECT_EQ(find_string(left, right), std::strstr(left, right)) << left << ' ' << right;
    }
    for (const int character : {int{'a'}, int{'b'}, 0, 0xFF, -1, int{'z'}}) {
      EXPECT_EQ(find_character(left, character), std::strchr(left, character)) << left << ' ' << character;
    }
  }
}

TEST(LibraryRoutines, WhatDoesNotFitTraps) {
  check_room(0, 0);
  check_room(8, 8);
  EXPECT_EXIT(check_room(9, 8), testing::KilledBySignal(SIGILL), "");
}

}  // namespace
}  // namespace redoubt::variable::library
