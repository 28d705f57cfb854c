// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/transparency/host_doors.hpp"

#include <gtest/gtest.h>

#include "arch/processor.hpp"
#include "arch/x86_64/registers/msr.hpp"

namespace redoubt::supervisor {
namespace {

class HostDoorsTest : public testing::Test {
 protected:
  HostDoorsTest() {
    arch::fake::machine() = {};
    arch::fake::machine().local_descriptors = 0x50;
    code_segment() = 0x10;
    breakpoint() = 0xFFFF'8000'0000'1000;
  }
  static std::uint64_t& code_segment() { return arch::fake::machine().msrs[arch::msr::sysenter_code_segment]; }
  static std::uint64_t& breakpoint() { return arch::fake::machine().dr3; }

  HostDoors doors_;
};

TEST_F(HostDoorsTest, AreShutAndGivenBack) {
  doors_.close();
  EXPECT_EQ(arch::fake::machine().local_descriptors, 0u);
  EXPECT_EQ(code_segment(), 0u);
  doors_.reopen();
  EXPECT_EQ(code_segment(), 0x10u);
  EXPECT_EQ(breakpoint(), 0xFFFF'8000'0000'1000u);
  code_segment() = 0x20;
  doors_.reopen();
  EXPECT_EQ(code_segment(), 0x20u) << "nothing is shut";
}

TEST_F(HostDoorsTest, TellWhetherRingThreeLeftMm) {
  EXPECT_FALSE(doors_.left_closed());
  doors_.close();
  EXPECT_TRUE(doors_.left_closed());
  doors_.reopen();
  EXPECT_FALSE(doors_.left_closed());
  doors_.close();
  code_segment() = 0;
  breakpoint() = 0;
  EXPECT_FALSE(doors_.left_closed()) << "a reset clears the registers";
  doors_.forget();
  doors_.reopen();
  EXPECT_EQ(code_segment(), 0u) << "what the host had before isn't the host's any more";
}

// Who knows the mark can have an innocent driver blamed for leaving.
TEST_F(HostDoorsTest, TheMarkIsDrawnAndDrawnAnewOnceSeen) {
  arch::fake::machine().cpuid[{arch::cpuid::features, 0}] = {.ecx = arch::cpuid::features_ecx_rdrand};
  arch::fake::machine().random = {0x1234'5678'9ABC'DEF0, 0xFEDC'BA98'7654'3210};
  doors_.close();
  const std::uint64_t first = breakpoint();
  EXPECT_EQ(first, 0x1234'5678'9ABC'DEF0u >> 17 | 1);
  doors_.reopen();
  doors_.close();
  EXPECT_EQ(breakpoint(), first) << "nobody has seen it";
  ASSERT_TRUE(doors_.left_closed());
  doors_.close();
  EXPECT_EQ(breakpoint(), 0xFEDC'BA98'7654'3210u >> 17 | 1);
  breakpoint() = first;
  EXPECT_FALSE(doors_.left_closed());
  doors_.close();
  doors_.reopen();
  EXPECT_EQ(breakpoint(), first) << "what the host wrote there";
}

// Ring 3 left, and the host makes it look like a reset.
TEST_F(HostDoorsTest, TheMarkIsDrawnAnewForWhoMayHaveHiddenThatHeSawIt) {
  arch::fake::machine().cpuid[{arch::cpuid::features, 0}] = {.ecx = arch::cpuid::features_ecx_rdrand};
  arch::fake::machine().random = {0x1234'5678'9ABC'DEF0, 0xFEDC'BA98'7654'3210};
  doors_.close();
  const std::uint64_t seen = breakpoint();
  breakpoint() = 0;
  ASSERT_FALSE(doors_.left_closed());
  doors_.forget();
  doors_.close();
  EXPECT_EQ(breakpoint(), 0xFEDC'BA98'7654'3210u >> 17 | 1);
  breakpoint() = seen;
  EXPECT_FALSE(doors_.left_closed());
}

TEST_F(HostDoorsTest, WithoutRdrandTheMarkComesOfTheTsc) {
  std::uint64_t last = 0;
  for (unsigned launch = 0; launch < 4; ++launch) {
    HostDoors doors;
    doors.close();
    EXPECT_NE(breakpoint(), last);
    EXPECT_NE(breakpoint(), 0u);
    EXPECT_EQ(breakpoint() >> 47, 0u);
    last = breakpoint();
    doors.reopen();
  }
}

// Who guesses the TSC to the tick still has to guess what else was gathered.
TEST_F(HostDoorsTest, WithoutRdrandTheMarkComesOfMoreThanOneTime) {
  std::uint64_t last = 0;
  for (unsigned launch = 0; launch < 4; ++launch) {
    if (launch == 2) gather_for_marks(5);
    arch::fake::machine().tsc = 1000;
    HostDoors doors;
    doors.close();
    EXPECT_NE(breakpoint(), last);
    last = breakpoint();
    doors.reopen();
  }
}

TEST_F(HostDoorsTest, ClosedTwiceTheyStillHoldWhatTheHostHad) {
  doors_.close();
  arch::fake::machine().local_descriptors = 0x50;
  doors_.close();
  EXPECT_EQ(arch::fake::machine().local_descriptors, 0u);
  doors_.reopen();
  EXPECT_EQ(code_segment(), 0x10u);
  EXPECT_EQ(breakpoint(), 0xFFFF'8000'0000'1000u);
  // The host wrote to its registers meanwhile.
  doors_.close();
  code_segment() = 0x30;
  breakpoint() = 0x7000;
  doors_.close();
  EXPECT_EQ(code_segment(), 0u);
  doors_.reopen();
  EXPECT_EQ(code_segment(), 0x30u);
  EXPECT_EQ(breakpoint(), 0x7000u);
}

}  // namespace
}  // namespace redoubt::supervisor
