// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/text.hpp"

#include <gtest/gtest.h>

#include <span>

namespace redoubt::tool::variables {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) {
    result.push_back(static_cast<std::byte>(value));
  }
  return result;
}

TEST(VariableText, TurnsUcs2IntoUtf8AndBack) {
  const struct {
    std::u16string_view units;
    std::string_view text;
  } cases[] = {{u"", ""},
               {u"Boot0001", "Boot0001"},
               {u"h\u00e9", "h\xC3\xA9"},
               {u"\u20ac\uffff", "\xE2\x82\xAC\xEF\xBF\xBF"},
               {u"\U0001F512", "\xF0\x9F\x94\x92"}};
  for (const auto& test_case : cases) {
    EXPECT_EQ(to_utf8(test_case.units), test_case.text);
    EXPECT_EQ(from_utf8(test_case.text), test_case.units);
  }
}

TEST(VariableText, PrintsNothingThatATerminalObeys) {
  EXPECT_EQ(to_utf8(u"a\x1B\x7F\x9B\n"), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  const char16_t halves[] = {0xD800, u'x', 0xDC00, 0xD801};
  EXPECT_EQ(to_utf8({halves, std::size(halves)}), "\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(ascii_of(bytes({'d', 'e', 0x1B, 0xE4, 0, 'x'})), "de??");
}

TEST(VariableText, RefusesWhatIsNotUtf8) {
  for (const char* text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE2\x82", "\xE0\x80\x80", "\xED\xA0\x80",
                           "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_FALSE(from_utf8(text).has_value()) << to_hex(std::as_bytes(std::span(std::string_view(text))));
  }
}

TEST(VariableText, ReadsStringsOfAnyAlignmentUpToTheirEnd) {
  const auto memory = bytes({0xEE, 'h', 0, 'i', 0, 0, 0, 'x', 0});
  EXPECT_EQ(units_of(Bytes(memory).subspan(1)), u"hi");
  EXPECT_EQ(units_of(Bytes(memory).subspan(1, 3)), u"h");
  EXPECT_EQ(units_of({}), u"");
}

TEST(VariableText, Attributes) {
  EXPECT_EQ(attributes_text(0), "-");
  EXPECT_EQ(attributes_text(7), "NV+BS+RT");
  EXPECT_EQ(attributes_text(0x27), "NV+BS+RT+AT");
  EXPECT_EQ(attributes_text(0xFF), "NV+BS+RT+HR+AW+AT+AP+EA");
  EXPECT_EQ(attributes_text(0x80000101), "NV+0x80000100");
  EXPECT_EQ(parse_attributes("NV,BS,RT"), 7u);
  EXPECT_EQ(parse_attributes("at+rt+bs+nv"), 0x27u);
  for (const char* text : {"", "NV,", ",NV", "NV BS", "NVBS", "7", "NV,XX"}) {
    EXPECT_FALSE(parse_attributes(text).has_value()) << text;
  }
}

TEST(VariableText, Hexadecimal) {
  EXPECT_EQ(to_hex(bytes({0, 0x7F, 0xAB})), "007fab");
  EXPECT_EQ(parse_hex("007FaB"), bytes({0, 0x7F, 0xAB}));
  EXPECT_EQ(parse_hex(" 00:7f,ab\n"), bytes({0, 0x7F, 0xAB}));
  EXPECT_EQ(parse_hex(""), bytes({}));
  for (const char* text : {"0", "0 1", "0x01", "zz", "00-01", "012"}) {
    EXPECT_FALSE(parse_hex(text).has_value()) << text;
  }
}

TEST(VariableText, HexDump) {
  EXPECT_EQ(hex_dump({}, "  "), "");
  std::vector<std::byte> memory = bytes({'A', 0, 0x1B});
  EXPECT_EQ(hex_dump(memory, "  "), "  00000000  41 00 1b                                         |A..|\n");
  memory.resize(17, std::byte{'z'});
  EXPECT_EQ(hex_dump(memory, ""),
            "00000000  41 00 1b 7a 7a 7a 7a 7a  7a 7a 7a 7a 7a 7a 7a 7a |A..zzzzzzzzzzzzz|\n"
            "00000010  7a                                               |z|\n");
}

TEST(VariableText, Times) {
  EXPECT_EQ(time_text({}), "");
  EXPECT_EQ(time_text({2025, 3, 10, 2, 53, 39, 0, 0, 0, 0, 0}), "2025-03-10 02:53:39");
  EXPECT_EQ(time_text({2025, 13, 10, 2, 53, 39, 0, 0, 0, 0, 0}), "e9070d0a023527000000000000000000");
  EXPECT_EQ(time_text({0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}), "00000100000000000000000000000000");
}

}  // namespace
}  // namespace redoubt::tool::variables
