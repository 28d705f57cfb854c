// SPDX-License-Identifier: BSD-2-Clause-Patent
// The log parser on good lines, on broken ones, and on streams without line ends.
#include "tool/boot/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace redoubt::tool::boot {
namespace {

using testing::ElementsAre;

TEST(ParseEvent, ReadsNameNumbersAndQuotedText) {
  const auto event = parse_event(
      "redoubt: driver guid=23a089b3-eed5-4ac5-b2ab-43e3298c2343 name=\"Variable store\" "
      "entry=0x1F0041A0 size=40960 status=0x0");
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->name, abi::EventName("driver"));
  EXPECT_EQ(event->text("guid"), "23a089b3-eed5-4ac5-b2ab-43e3298c2343");
  EXPECT_EQ(event->text("name"), "Variable store");
  EXPECT_EQ(event->number("entry"), 0x1F0041A0U);
  EXPECT_EQ(event->number("size"), 40960U);
  EXPECT_EQ(event->number("status"), 0U);
  EXPECT_EQ(event->text("depex"), std::nullopt);
  EXPECT_EQ(event->number("name"), std::nullopt);
}

TEST(ParseEvent, TakesAnEventWithoutValues) { EXPECT_TRUE(parse_event("redoubt: ipl.locked").has_value()); }

TEST(ParseEvent, TakesEmptyValuesAndSpareSpaces) {
  const auto event = parse_event("redoubt: fault  handler= action=\"\" ");
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->text("handler"), "");
  EXPECT_EQ(event->text("action"), "");
}

TEST(ParseEvent, RefusesWhatBreaksTheFormat) {
  for (const char* line : {"", "redoubt:", "redoubt: ", "Redoubt: x", "redoubt: =1", "redoubt: x y", "redoubt: x =1",
                           "redoubt: x a=\"open", "redoubt: x a=\"b\"c", "redoubt: x a=1 b"}) {
    EXPECT_FALSE(parse_event(line).has_value()) << line;
  }
}

TEST(ParseEvent, RefusesTooManyValues) {
  std::string line = "redoubt: x";
  for (std::size_t i = 0; i < Event::max_values; ++i) {
    line += " a=1";
  }
  EXPECT_TRUE(parse_event(line).has_value());
  EXPECT_FALSE(parse_event(line + " a=1").has_value());
}

TEST(ParseEvent, TakesTerminalSequencesOutOfValues) {
  const auto event = parse_event("redoubt: driver name=\"\x1B[2J\xC3\xA9\"");
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->text("name"), "?[2J??");
}

TEST(EventNumber, RefusesSignsOverflowAndTrailingText) {
  const auto event = parse_event(
      "redoubt: x address=-1 base=18446744073709551616 calls=0x1FFFFFFFFFFFFFFFF cpu=12k entry=0x free= "
      "size=18446744073709551615 rip=0xFFFFFFFFFFFFFFFF");
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->values.size(), 8U);
  for (const abi::KeyName key : {abi::KeyName("address"), abi::KeyName("base"), abi::KeyName("calls"),
                                 abi::KeyName("cpu"), abi::KeyName("entry"), abi::KeyName("free")}) {
    EXPECT_EQ(event->number(key), std::nullopt) << key.text();
  }
  EXPECT_EQ(event->number("size"), UINT64_MAX);
  EXPECT_EQ(event->number("rip"), UINT64_MAX);
}

TEST(LogFinder, TheLogIsWhereItBegins) {
  LogFinder on_serial;
  EXPECT_FALSE(on_serial.on_serial_console("BdsDxe: no such thing"));
  EXPECT_TRUE(on_serial.on_serial_console("redoubt: ipl.start cpus=2"));
  EXPECT_FALSE(on_serial.on_debug_console("redoubt: panic reason=forged")) << "a driver's, where the log isn't";
  EXPECT_FALSE(on_serial.on_serial_console("Shell> echo redoubt: panic")) << "the log's lines stand alone";
  EXPECT_TRUE(on_serial.on_serial_console("redoubt: ipl.locked"));
  LogFinder on_debug;
  EXPECT_FALSE(on_debug.on_debug_console("SecCoreStartupWithStack"));
  EXPECT_TRUE(on_debug.on_debug_console("redoubt: ipl.start cpus=2"));
  EXPECT_FALSE(on_debug.on_serial_console("redoubt: panic reason=typed"));
  EXPECT_TRUE(on_debug.on_debug_console("redoubt: ipl.locked"));
}

TEST(LineReader, JoinsPiecesAndDropsCarriageReturns) {
  LineReader reader;
  EXPECT_THAT(reader.feed("one\r\ntw"), ElementsAre("one"));
  EXPECT_EQ(reader.pending(), "tw");
  EXPECT_THAT(reader.feed("o\n\nthree"), ElementsAre("two", ""));
}

TEST(LineReader, CutsEndlessLines) {
  LineReader reader;
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(reader.feed(std::string(1000, 'x')), ElementsAre());
  }
  EXPECT_THAT(reader.feed("\nnext\n"), ElementsAre(std::string(LineReader::max_line, 'x'), "next"));
}

}  // namespace
}  // namespace redoubt::tool::boot
