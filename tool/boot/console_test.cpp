// SPDX-License-Identifier: BSD-2-Clause-Patent
// The serial console as plain text.
#include "tool/boot/console.hpp"

#include <gtest/gtest.h>

namespace redoubt::tool::boot {
namespace {

TEST(Console, TakesTerminalSequencesOut) {
  Console console;
  console.feed("\x1B[2J\x1B[01;01H\x1B[1m\x1B[33mShe");
  console.feed("ll> \x1B[0m\x1B[37");
  console.feed("m\x1B[40m!\r\n");
  EXPECT_EQ(console.text(), "Shell> !\n");
}

TEST(Console, FindsOnlyWhatComesAfterAPosition) {
  Console console;
  console.feed("Shell> ");
  EXPECT_TRUE(console.contains("Shell> "));
  const std::uint64_t position = console.position();
  EXPECT_FALSE(console.contains("Shell> ", position));
  console.feed("reset\nShell> ");
  EXPECT_TRUE(console.contains("Shell> ", position));
  EXPECT_FALSE(console.contains("Shell> ", position + 1000));
}

TEST(Console, KnowsWhenTheLineOfAMarkerHasEnded) {
  Console console;
  console.feed("done\ndone program stat");
  EXPECT_FALSE(console.contains_line("done program"));
  EXPECT_TRUE(console.contains_line("done"));
  console.feed("us=ok\r\n");
  EXPECT_TRUE(console.contains_line("done program"));
  EXPECT_FALSE(console.contains_line("done program", console.position()));
}

TEST(Console, KeepsTheLatestPartOfEndlessOutput) {
  Console console;
  for (int i = 0; i < 1000; ++i) {
    console.feed(std::string(4096, 'x'));
  }
  console.feed("end");
  EXPECT_LE(console.text().size(), 2 * Console::max_kept + 4096);
  EXPECT_EQ(console.position(), 1000U * 4096 + 3);
  EXPECT_TRUE(console.contains("end", 1000U * 4096));
}

}  // namespace
}  // namespace redoubt::tool::boot
