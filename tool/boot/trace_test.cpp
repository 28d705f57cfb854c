// SPDX-License-Identifier: BSD-2-Clause-Patent
// Rows of the trace from lines of the log.
#include "tool/boot/trace.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tool/boot/status_text.hpp"

namespace redoubt::tool::boot {
namespace {

class TraceTest : public ::testing::Test {
 protected:
  // The rows that these lines complete.
  std::vector<TracedMmi> rows_of(std::initializer_list<const char*> lines) {
    std::vector<TracedMmi> rows;
    for (const char* line : lines) {
      const auto event = parse_event(line);
      EXPECT_TRUE(event.has_value()) << line;
      if (auto row = trace_.apply(*event)) {
        rows.push_back(std::move(*row));
      }
    }
    return rows;
  }
  Trace trace_;
};

constexpr const char* variable_driver =
    "redoubt: driver guid=be9c3c34-ed6b-47d0-b354-4e804a172a00 name=\"VariableStandaloneMm\" entry=0x1 size=1 cpl=3 "
    "ticks=1 status=0x0 number=1";

TEST_F(TraceTest, NamesHandlersAndDrivers) {
  const auto rows = rows_of({
      variable_driver,
      "redoubt: mmi.call n=12 handler=3242a9d8-ce70-4aa0-955d-5e7b140de4d2 driver=1 result=0x0 ticks=4321",
      "redoubt: mmi.call n=12 handler=root driver=7 result=0x2000000000000000 ticks=5",
      "redoubt: mmi n=12 cpu=3 message=3242a9d8-ce70-4aa0-955d-5e7b140de4d2 bytes=40 status=0x0 reply=48 ticks=9000",
  });
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(
      trace_heading() + to_text(rows[0]),
      "    MMI CPU  handler                              driver                       result                    "
      "ticks\n"
      "     12   3  MmCpuIo                              VariableStandaloneMm         success                    "
      "4321\n"
      "     12   3  (root)                               driver 7                     pending                       "
      "5\n");
  const auto json = to_json(rows[0]);
  EXPECT_EQ(json["message"], "MmCpuIo");
  EXPECT_EQ(json["reply"], 48);
  EXPECT_EQ(json["calls"].size(), 2U);
  EXPECT_EQ(json["calls"][0]["driver_name"], "VariableStandaloneMm");
  EXPECT_EQ(json["calls"][1]["result"], "pending");
}

TEST_F(TraceTest, ShowsWhatNobodyHandled) {
  const auto rows = rows_of({
      "redoubt: mmi n=1 cpu=0 message=00000001-0002-0003-0405-060708090a0b bytes=8 status=0x800000000000000E reply=0 "
      "ticks=10",
      "redoubt: mmi n=2 cpu=0 message=02ce967a-dd7e-4ffc-9ee7-810cf0470880 bytes=1 status=0x0 reply=1 by=foundation "
      "ticks=20",
      "redoubt: mmi n=3 cpu=1 ticks=30",
  });
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(
      to_text(rows[0]) + to_text(rows[1]) + to_text(rows[2]),
      "      1   0  00000001-0002-0003-0405-060708090a0b -                            not found                    "
      "10\n"
      "      2   0  EndOfDxeEventGroup                   (foundation)                 success                      "
      "20\n"
      "      3   1  (no message)                         -                            -                            "
      "30\n");
  EXPECT_TRUE(to_json(rows[2])["message"].is_null());
  EXPECT_EQ(to_json(rows[1])["by_foundation"], true);
}

TEST_F(TraceTest, ShowsWhoWasStopped) {
  const auto rows = rows_of({
      variable_driver,
      "redoubt: mmi.call n=5 handler=root driver=1 stopped=fault ticks=7",
      "redoubt: mmi n=5 cpu=0 ticks=30",
  });
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_NE(to_text(rows[0]).find("STOPPED: fault"), std::string::npos);
  EXPECT_TRUE(to_json(rows[0])["calls"][0]["result"].is_null());
}

TEST_F(TraceTest, StartsAgainAtEachBootAndBoundsItsLists) {
  rows_of({variable_driver, "redoubt: mmi.call n=5 handler=root driver=1 result=0x0 ticks=7"});
  const auto rows = rows_of({"redoubt: ipl.start boot_mode=0 cpus=1", "redoubt: mmi n=1 cpu=0 ticks=1"});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_TRUE(rows[0].calls.empty());
  for (int i = 0; i < 10000; ++i) {
    trace_.apply(Event{.name = {"mmi.call"}, .values = {{"handler", "root"}}});
  }
  const auto last = trace_.apply(Event{.name = {"mmi"}, .values = {}});
  ASSERT_TRUE(last.has_value());
  EXPECT_LE(last->calls.size(), 4096U);
}

TEST(StatusText, NamesWhatItKnows) {
  EXPECT_EQ(status_text(0), "success");
  EXPECT_EQ(status_text(0x800000000000000E), "not found");
  EXPECT_EQ(status_text(0x2000000000000001), "quiesced");
  EXPECT_EQ(status_text(0xA000000000000000), "not quiesced");
  EXPECT_EQ(status_text(0x80000000000000FF), "0x80000000000000FF");
}

}  // namespace
}  // namespace redoubt::tool::boot
