// SPDX-License-Identifier: BSD-2-Clause-Patent
// What is written is what is read, whatever the text in it.
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "abi/redoubt/report_line.hpp"
#include "abi/redoubt/report_reader.hpp"

namespace redoubt::abi {
namespace {

class Line : public ReportLineWriter<Line> {
 public:
  explicit Line(EventName event, std::size_t room = 1000) : room_(room) { put(event.text()); }
  std::size_t room() const { return room_ - text.size(); }
  void put(std::string_view more) { text.append(more.substr(0, room())); }

  std::string text;

 private:
  std::size_t room_;
};

TEST(Report, NamesAreWordsOfTheirOwn) {
  const auto check = [](const auto& names) {
    std::set<std::string_view> seen;
    for (const std::string_view name : names) {
      EXPECT_TRUE(seen.insert(name).second) << name;
      EXPECT_EQ(ReportReader(name).event(), name);
    }
  };
  check(report_events);
  check(report_keys);
}

TEST(Report, ReadsWhatIsWritten) {
  Line line("driver.usage");
  line.decimal("driver", std::numeric_limits<UintN>::max())
      .hexadecimal("rip", 0xDEAD'BEEF)
      .share("pages", 3, 40)
      .quoted("name", "two words")
      .open("depex")
      .append_quoted("malformed at ")
      .append_number(7)
      .close()
      .word("state", "disabled");
  const ReportReader reader(line.text);
  EXPECT_EQ(reader.event(), "driver.usage");
  EXPECT_EQ(reader.find("driver"), "18446744073709551615");
  EXPECT_EQ(reader.find("rip"), "0xdeadbeef");
  EXPECT_EQ(reader.find("pages"), "3/40");
  EXPECT_EQ(reader.find("name"), "two words");
  EXPECT_EQ(reader.find("depex"), "malformed at 7");
  EXPECT_EQ(reader.find("state"), "disabled");
  EXPECT_EQ(reader.find("reason"), std::nullopt);
}

TEST(Report, TextBecomesNoFieldAndNoLine) {
  Line line("driver");
  line.quoted("name", "a\" status=0x0 b=\"\n\x80").decimal("number", 1);
  ReportReader reader(line.text);
  EXPECT_EQ(reader.find("name"), "a? status=0x0 b=???");
  EXPECT_EQ(reader.find("status"), std::nullopt);
  EXPECT_EQ(reader.find("number"), "1");
  while (reader.next()) {
  }
  EXPECT_FALSE(reader.is_broken());
}

// Whatever the room, a line is one that can be read, but for a key that is cut off before its value.
TEST(Report, ACutLineHasWholeFields) {
  for (std::size_t room = std::string_view("driver").size(); room < 60; ++room) {
    Line line("driver", room);
    line.decimal("number", 12345).share("pages", 10, 20).hexadecimal("rip", 0x1234);
    ReportReader reader(line.text);
    while (const auto field = reader.next()) {
      EXPECT_EQ(field->value, field->key == "number"  ? "12345"
                              : field->key == "pages" ? "10/20"
                                                      : "0x1234")
          << line.text;
    }
    EXPECT_FALSE(reader.is_broken()) << line.text;
    line.quoted("reason", "a long one");
    EXPECT_LE(line.text.size(), room);
  }
}

}  // namespace
}  // namespace redoubt::abi
