// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/transparency/extended_state_keeper.hpp"

#include <gtest/gtest.h>

#include "arch/processor.hpp"
#include "arch/x86_64/registers/control.hpp"

namespace redoubt::supervisor {
namespace {

using Trace = std::vector<std::string>;

class ExtendedStateKeeperTest : public testing::Test {
 protected:
  ExtendedStateKeeperTest() {
    arch::fake::machine() = {};
    arch::fake::machine().cr0 = arch::cr0::task_switched;
  }
  void start(bool xsave, std::uint64_t xcr0) {
    arch::fake::machine().xcr0 = xcr0;
    CpuFeatures features{};
    features.xsave = xsave;
    keeper_.initialize(area_, features, waiting_);
  }
  static bool traps() { return (arch::fake::machine().cr0 & arch::cr0::task_switched) != 0; }
  static Trace& trace() { return arch::fake::machine().fpu_trace; }

  alignas(64) std::byte area_[1024]{};
  WaitingState waiting_[call_depth_limit]{};
  ExtendedStateKeeper keeper_;
};

TEST_F(ExtendedStateKeeperTest, AnMmiWithoutUseTouchesNothing) {
  start(true, 7);
  keeper_.begin_call();
  keeper_.end_call(1);
  keeper_.restore();
  EXPECT_TRUE(trace().empty());
}

TEST_F(ExtendedStateKeeperTest, SavesEverythingTheHostEnabled) {
  start(true, 7);
  EXPECT_TRUE(keeper_.load(1));
  EXPECT_FALSE(traps());
  EXPECT_FALSE(keeper_.load(1)) << "a second trap has another cause";
  keeper_.restore();
  EXPECT_TRUE(traps());
  keeper_.restore();
  EXPECT_EQ(trace(), (Trace{"xsave 7", "xrstor 7", "xrstor 7"}));
}

TEST_F(ExtendedStateKeeperTest, WithoutSseInXcr0XsaveWouldMissXmm) {
  start(true, 1);
  EXPECT_TRUE(keeper_.load(1));
  keeper_.restore();
  EXPECT_EQ(trace(), (Trace{"fxsave", "fxrstor", "fxrstor"}));
}

TEST_F(ExtendedStateKeeperTest, WithoutXsaveThereIsFxsave) {
  start(false, 7);
  EXPECT_TRUE(keeper_.load(1));
  keeper_.restore();
  EXPECT_EQ(trace(), (Trace{"fxsave", "fxrstor", "fxrstor"}));
}

TEST_F(ExtendedStateKeeperTest, EachMmiLooksAtXcr0Anew) {
  start(true, 3);
  EXPECT_TRUE(keeper_.load(1));
  keeper_.restore();
  arch::fake::machine().xcr0 = 7;
  EXPECT_TRUE(keeper_.load(1));
  keeper_.restore();
  EXPECT_EQ(trace(), (Trace{"xsave 3", "xrstor 3", "xrstor 3", "xsave 7", "xrstor 7", "xrstor 7"}));
}

TEST_F(ExtendedStateKeeperTest, TheNextCallStartsFromTheKnownState) {
  start(true, 7);
  keeper_.begin_call();
  EXPECT_TRUE(keeper_.load(1));
  keeper_.end_call(1);
  keeper_.begin_call();
  EXPECT_TRUE(traps()) << "what the last one left would be there";
  trace().clear();
  EXPECT_TRUE(keeper_.load(1));
  EXPECT_FALSE(traps());
  EXPECT_EQ(trace(), (Trace{"xrstor 7"})) << "nothing of the last one's is kept, and the host's isn't saved over";
  keeper_.end_call(1);
  trace().clear();
  keeper_.restore();
  EXPECT_EQ(trace(), (Trace{"xrstor 7"}));
}

TEST_F(ExtendedStateKeeperTest, ACallThatWaitsFindsItsStateAgain) {
  start(true, 7);
  keeper_.begin_call();
  EXPECT_TRUE(keeper_.load(1));
  keeper_.begin_call();
  EXPECT_TRUE(traps());
  trace().clear();
  EXPECT_TRUE(keeper_.load(2));
  EXPECT_EQ(trace(), (Trace{"fxsave", "xrstor 7"}));
  keeper_.end_call(2);
  EXPECT_TRUE(traps());
  trace().clear();
  EXPECT_TRUE(keeper_.load(1));
  EXPECT_EQ(trace(), (Trace{"xrstor 7", "fxrstor"}));
  // Another one below, which uses none.
  keeper_.begin_call();
  keeper_.end_call(2);
  trace().clear();
  EXPECT_TRUE(keeper_.load(1));
  EXPECT_TRUE(trace().empty()) << "the registers still hold it";
  EXPECT_FALSE(keeper_.load(1));
}

TEST_F(ExtendedStateKeeperTest, StateOfAStoppedCallIsNobodys) {
  start(true, 7);
  EXPECT_TRUE(keeper_.load(1));
  keeper_.begin_call();
  EXPECT_TRUE(keeper_.load(2));
  keeper_.end_call(2);
  keeper_.end_call(1);
  keeper_.begin_call();
  trace().clear();
  EXPECT_TRUE(keeper_.load(1));
  EXPECT_EQ(trace(), (Trace{"xrstor 7"})) << "not what waited at this depth before";
}

TEST_F(ExtendedStateKeeperTest, StateThatWentWithTheCpuIsntReplaced) {
  start(true, 7);
  EXPECT_TRUE(keeper_.load(1));
  keeper_.begin_call();  // uses none, and its CPU is reset
  keeper_.drop();
  arch::fake::machine().cr0 |= arch::cr0::task_switched;
  keeper_.end_call(2);
  EXPECT_FALSE(keeper_.load(1)) << "it would go on with other numbers than it had";
  keeper_.end_call(1);
  trace().clear();
  EXPECT_TRUE(keeper_.load(1));
  EXPECT_EQ(trace(), (Trace{"xsave 7", "xrstor 7"}));
}

}  // namespace
}  // namespace redoubt::supervisor
