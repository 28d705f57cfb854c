// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/document.hpp"

#include <gtest/gtest.h>

#include "tool/port/metadata/text.hpp"

namespace redoubt::port {
namespace {

Document parse(const std::string& text) {
  auto document = Document::parse("a.inf", text);
  EXPECT_TRUE(document.has_value());
  return std::move(*document);
}

std::string reason_of(const std::string& text) {
  const auto document = Document::parse("a.inf", text);
  return document.has_value() ? "" : to_string(document.error());
}

TEST(Document, IsWrittenAsItWasRead) {
  for (const char* text :
       {"", "\n", "\r\n", "a", "a\n", "a\r\nb\nc\r", "\xEF\xBB\xBF[Defines]\r\n", "\xE9 \t \r\n\r\n", "a\r\r\n"}) {
    EXPECT_EQ(parse(text).text(), text);
  }
}

TEST(Document, AddingAndRemovingALineRestoresIt) {
  for (const char* text : {"", "a", "a\n", "a\r\nb", "a\nb\r\nc\r\n", "a\nb\nc"}) {
    const Document original = parse(text);
    for (std::size_t i = 0; i <= original.size(); ++i) {
      Document changed = original;
      changed.insert(i, "new");
      EXPECT_NE(changed.text(), text);
      changed.remove(i);
      EXPECT_EQ(changed.text(), text) << i;
    }
  }
}

TEST(Document, ANewLineEndsAsMostDo) {
  Document both = parse("a\r\nb\r\nc\n");
  both.insert(1, "new");
  EXPECT_EQ(both.text(), "a\r\nnew\r\nb\r\nc\n");
  Document feeds = parse("a\nb");
  feeds.insert(2, "new");
  EXPECT_EQ(feeds.text(), "a\nb\nnew");
}

TEST(Document, RefusesWhatIsNoText) {
  EXPECT_EQ(reason_of(std::string("a\nb\0c\n", 6)), "a.inf:2: isn't text: there is a zero byte");
  EXPECT_EQ(reason_of("a\n" + std::string(100 << 20, 'x')), "a.inf: is larger than 64 MiB");
  EXPECT_EQ(reason_of("a\n" + std::string(longest_line + 1, 'x')), "a.inf:2: line is longer than 1 MiB");
}

TEST(Text, CommentsStartOutsideOfQuotes) {
  EXPECT_EQ(clean("  A = B  ## CONSUMES ").content, "A = B");
  EXPECT_EQ(clean("  A = B  ## CONSUMES ").comment, "## CONSUMES");
  EXPECT_EQ(clean("A = \"x # y\" # z").content, "A = \"x # y\"");
  EXPECT_EQ(clean("A = 'x # y # z").content, "A = 'x");
  EXPECT_EQ(clean("\xEF\xBB\xBF## @file").content, "");
  EXPECT_EQ(with_content("  A = B  # why", "C"), "  C  # why");
}

TEST(Text, QuotesThatNothingClosesTakeLinearTime) {
  std::string text = "\"";
  for (int i = 0; i < 300'000; ++i) {
    text += "\\\"";
  }
  EXPECT_EQ(split(text, '|').size(), 1U);
}

TEST(Text, PathsStayInTheTree) {
  EXPECT_EQ(tree_path("MdePkg\\Include/./A/../B.h"), "MdePkg/Include/B.h");
  for (const char* path : {"/etc/passwd", "..", "a/../../b", "C:\\a", "\"/../../\"/../../../a"}) {
    EXPECT_EQ(tree_path(path), "") << path;
  }
}

}  // namespace
}  // namespace redoubt::port
