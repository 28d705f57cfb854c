// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/line_changes.hpp"

#include <gtest/gtest.h>

namespace redoubt::port {
namespace {

Document parse(const std::string& text) { return *Document::parse("a/b.dsc", text); }

TEST(LineChanges, IndicesAreThoseOfTheOriginal) {
  const Document document = parse("0\r\n1\r\n2\r\n3\r\n");
  LineChanges changes;
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(changes.unified_diff(document), "");
  changes.insert_after(0, "a");
  changes.insert_after(0, "b");
  changes.remove(1);
  changes.replace(2, "two");
  changes.append(document, "end");
  EXPECT_EQ(changes.applied(document).text(), "0\r\na\r\nb\r\ntwo\r\n3\r\nend\r\n");
  EXPECT_EQ(changes.unified_diff(document),
            "--- a/a/b.dsc\n+++ b/a/b.dsc\n@@ -1,4 +1,6 @@\n 0\r\n+a\r\n+b\r\n-1\r\n-2\r\n+two\r\n 3\r\n+end\r\n");
}

TEST(LineChanges, AChangedEntryChangesItsLineOnly) {
  const Document document = parse("a\nb # why\r\nc");
  LineChanges changes;
  changes.replace(1, "B # why");
  EXPECT_EQ(changes.applied(document).text(), "a\nB # why\r\nc");
}

TEST(LineChanges, FarChangesAreHunksOfTheirOwn) {
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text += std::format("{}\n", i);
  }
  const Document document = parse(text);
  LineChanges changes;
  changes.insert_after(2, "x");
  changes.insert_after(15, "y");
  EXPECT_EQ(changes.unified_diff(document),
            "--- a/a/b.dsc\n+++ b/a/b.dsc\n@@ -1,6 +1,7 @@\n 0\n 1\n 2\n+x\n 3\n 4\n 5\n"
            "@@ -14,6 +15,7 @@\n 13\n 14\n 15\n+y\n 16\n 17\n 18\n");
}

TEST(LineChanges, AFileWithoutALastLineEndIsPatched) {
  const Document document = parse("a\nb");
  LineChanges changes;
  changes.append(document, "c");
  EXPECT_EQ(changes.unified_diff(document),
            "--- a/a/b.dsc\n+++ b/a/b.dsc\n@@ -1,2 +1,3 @@\n a\n-b\n\\ No newline at end of file\n+b\n+c\n"
            "\\ No newline at end of file\n");
}

}  // namespace
}  // namespace redoubt::port
