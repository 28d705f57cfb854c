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
    keeper_.initialize(area_, features);
  }
  static Trace& trace() { return arch::fake::machine().fpu_trace; }

  alignas(64) std::byte area_[1024]{};
  ExtendedStateKeeper keeper_;
};

TEST_F(ExtendedStateKeeperTest, AnMmiWithoutUseTouchesNothing) {
  start(true, 7);
  keeper_.reload_known();
  keeper_.restore();
  EXPECT_TRUE(trace().empty());
}

TEST_F(ExtendedStateKeeperTest, SavesEverythingTheOwnerEnabled) {
  start(true, 7);
  EXPECT_TRUE(keeper_.load());
  EXPECT_EQ(arch::fake::machine().cr0 & arch::cr0::task_switched, 0u);
  EXPECT_FALSE(keeper_.load()) << "a second trap has another cause";
  keeper_.restore();
  keeper_.restore();
  EXPECT_EQ(trace(), (Trace{"xsave 7", "xrstor 7", "xrstor 7"}));
}

TEST_F(ExtendedStateKeeperTest, WithoutSseInXcr0XsaveWouldMissXmm) {
  start(true, 1);
  EXPECT_TRUE(keeper_.load());
  keeper_.restore();
  EXPECT_EQ(trace(), (Trace{"fxsave", "fxrstor", "fxrstor"}));
}

TEST_F(ExtendedStateKeeperTest, WithoutXsaveThereIsFxsave) {
  start(false, 7);
  EXPECT_TRUE(keeper_.load());
  keeper_.reload_known();
  keeper_.restore();
  EXPECT_EQ(trace(), (Trace{"fxsave", "fxrstor", "fxrstor", "fxrstor"}));
}

TEST_F(ExtendedStateKeeperTest, EachMmiLooksAtXcr0Anew) {
  start(true, 3);
  EXPECT_TRUE(keeper_.load());
  keeper_.restore();
  arch::fake::machine().xcr0 = 7;
  EXPECT_TRUE(keeper_.load());
  keeper_.restore();
  EXPECT_EQ(trace(), (Trace{"xsave 3", "xrstor 3", "xrstor 3", "xsave 7", "xrstor 7", "xrstor 7"}));
}

}  // namespace
}  // namespace redoubt::supervisor
