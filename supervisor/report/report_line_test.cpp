// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/report/report_line.hpp"
#include "abi/pi/firmware_volume.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace redoubt::supervisor {
namespace {

TEST(ReportLine, FormatsEveryKind) {
  ReportLine line("fault");
  line.word("domain", "driver")
      .decimal("vector", 14)
      .hexadecimal("address", 0xDEAD'BEEF)
      .decimal("status", 0)
      .hexadecimal("rip", 0)
      .decimal("most", std::numeric_limits<std::uint64_t>::max())
      .hexadecimal("base", std::numeric_limits<std::uint64_t>::max())
      .quoted("reason", "two words")
      .guid("handler", abi::file_system_2_guid);
  EXPECT_EQ(line.text(),
            "redoubt: fault domain=driver vector=14 address=0xdeadbeef status=0 rip=0x0 most=18446744073709551615 "
            "base=0xffffffffffffffff reason=\"two words\" handler=8c8ce578-8a3d-4f1c-9935-896185c32dd3\n");
}

TEST(ReportLine, TheLongestLineOfTheFoundationFits) {
  const std::string longest(abi::log_line_bytes, 'x');
  ReportLine line(FoundationLine{longest});
  EXPECT_EQ(line.text(), "redoubt: " + longest + "\n");
}

TEST(ReportLine, CutsButEndsTheLine) {
  const std::string almost(320 - sizeof("redoubt: ") - 5, 'x');
  ReportLine line(FoundationLine{almost});
  line.quoted("reason", "much too long");
  const std::string text(line.text());
  EXPECT_EQ(text.size(), 320U);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(ReportLine, LeavesOutWhatDoesNotFitWhole) {
  const std::string almost(320 - sizeof("redoubt: ") - 6, 'x');
  ReportLine line(FoundationLine{almost});
  line.decimal("cpu", 10).decimal("n", 1).decimal("n", 2);
  EXPECT_EQ(line.text(), "redoubt: " + almost + " n=1\n");
}

TEST(ReportLine, TextCannotEndItsValueOrTheLine) {
  ReportLine line("fault");
  line.quoted("reason", "a\" driver=7\nb\x80");
  EXPECT_EQ(line.text(), "redoubt: fault reason=\"a? driver=7?b?\"\n");
}

TEST(ReportLine, RingThreeCannotBreakALine) {
  char text[] = {'a', '\n', 'b', '\x1b', '\x7f', static_cast<char>(0x80), '~', ' ', '\0'};
  make_printable(text, sizeof(text));
  EXPECT_EQ(std::string_view(text, sizeof(text)), "a?b???~ ?");
}

}  // namespace
}  // namespace redoubt::supervisor
