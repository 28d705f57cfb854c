// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/status_code/log_text.hpp"

#include <gtest/gtest.h>

namespace redoubt::status_code {
namespace {

constexpr abi::Guid caller = {0x12345678, 0x9abc, 0xdef0, {1, 2, 3, 4, 5, 6, 7, 8}};

TEST(StatusCodeLogText, TellsErrorsBySeverity) {
  const LogText major(0x8000'0002, 0x0305'1002, 7, nullptr);
  EXPECT_EQ(major.view(), "error severity=major value=0x03051002 instance=0x00000007");
  EXPECT_EQ(major.gravity(), Gravity::error);
  const LogText minor(0x4000'0002, 0, 0, nullptr);
  EXPECT_EQ(minor.view(), "error severity=minor value=0x00000000 instance=0x00000000");
  EXPECT_EQ(minor.gravity(), Gravity::warning);
  EXPECT_EQ(LogText(0x9000'0002, 0, 0, nullptr).gravity(), Gravity::error);
  EXPECT_EQ(LogText(0x0000'0002, 0, 0, nullptr).view(), "error severity=none value=0x00000000 instance=0x00000000");
}

TEST(StatusCodeLogText, ProgressAndTheRest) {
  const LogText progress(1, 0x0304'0001, 0, &caller);
  EXPECT_EQ(progress.view(),
            "progress value=0x03040001 instance=0x00000000 caller=12345678-9abc-def0-0102-030405060708");
  EXPECT_EQ(progress.gravity(), Gravity::info);
  const LogText other(0x0000'0107, 1, 2, nullptr);
  EXPECT_EQ(other.view(), "debug type=0x00000107 value=0x00000001 instance=0x00000002");
  EXPECT_EQ(other.gravity(), Gravity::debug);
}

TEST(StatusCodeLogText, TheLongestFits) {
  EXPECT_LE(LogText(0xA000'0002, ~0U, ~0U, &caller).view().size(), 112U);
  EXPECT_LE(LogText(~0U, ~0U, ~0U, &caller).view().size(), 112U);
  EXPECT_EQ(LogText(0xA000'0002, ~0U, ~0U, &caller).view().substr(0, 26), "error severity=uncontained");
}

}  // namespace
}  // namespace redoubt::status_code
