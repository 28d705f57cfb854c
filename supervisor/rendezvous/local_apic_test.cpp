// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/rendezvous/local_apic.hpp"

#include <gtest/gtest.h>

#include <array>

#include "arch/processor.hpp"
#include "arch/x86_64/registers/local_apic.hpp"
#include "arch/x86_64/registers/msr.hpp"

namespace redoubt::supervisor {
namespace {

class LocalApicTest : public testing::Test {
 protected:
  LocalApicTest() {
    arch::fake::machine() = {};
    apic_.initialize(LinearAddress(reinterpret_cast<std::uint64_t>(page_.data())));
    high() = 0x7700'0000;
  }
  std::uint32_t& high() { return page_[arch::local_apic::interrupt_command_high / 4]; }
  std::uint32_t& low() { return page_[arch::local_apic::interrupt_command_low / 4]; }
  static std::uint64_t& base() { return arch::fake::machine().msrs[arch::msr::apic_base]; }

  std::array<std::uint32_t, 1024> page_{};
  LocalApic apic_;
};

TEST_F(LocalApicTest, SendsAndPutsTheDestinationBack) {
  base() = 0xFEE0'0900;
  EXPECT_TRUE(apic_.send_smi(3));
  EXPECT_EQ(low(), 0x4200u);
  EXPECT_EQ(high(), 0x7700'0000u);
  EXPECT_TRUE(apic_.send_nmi(3));
  EXPECT_EQ(low(), 0x4400u);
}

TEST_F(LocalApicTest, TouchesNothingWhereItWasMoved) {
  for (const std::uint64_t moved : {0x1F00'0900ull, 0xFEE0'1900ull, 0xFEE0'0000ull, 0x1'FEE0'0900ull}) {
    base() = moved;
    EXPECT_FALSE(apic_.send_smi(3)) << moved;
    EXPECT_EQ(low(), 0u);
    EXPECT_EQ(high(), 0x7700'0000u);
  }
}

TEST_F(LocalApicTest, BroadcastIdIsRefused) {
  base() = 0xFEE0'0900;
  EXPECT_FALSE(apic_.reaches(0xFF));
  EXPECT_TRUE(apic_.reaches(0xFE));
  EXPECT_FALSE(apic_.send_smi(0xFF));
  EXPECT_EQ(low(), 0u);
}

TEST_F(LocalApicTest, X2apicGoesThroughTheMsr) {
  base() = 0xFEE0'0D00;
  EXPECT_TRUE(apic_.reaches(0x1234));
  EXPECT_TRUE(apic_.send_smi(0x1234));
  EXPECT_EQ(arch::fake::machine().msrs[arch::msr::x2apic_interrupt_command], 0x0000'1234'0000'4200u);
  EXPECT_EQ(low(), 0u);
}

TEST_F(LocalApicTest, AllOthersAreReachedWithoutTheirIds) {
  base() = 0xFEE0'0900;
  page_[arch::local_apic::id / 4] = 0x0200'0000;
  EXPECT_TRUE(apic_.send_smi_to_others(2));
  EXPECT_EQ(low(), 0xC'4200u);
  EXPECT_EQ(high(), 0x7700'0000u);
  low() = 0;
  // One that calls itself by another CPU's id has it back afterwards.
  page_[arch::local_apic::id / 4] = 0x0500'0000;
  EXPECT_TRUE(apic_.send_smi_to_others(2));
  EXPECT_EQ(low(), 0xC'4200u);
  EXPECT_EQ(page_[arch::local_apic::id / 4], 0x0500'0000u);
  low() = 0;
  base() = 0xFEE0'0D00;
  EXPECT_TRUE(apic_.send_smi_to_others(0x1234));
  EXPECT_EQ(arch::fake::machine().msrs[arch::msr::x2apic_interrupt_command], 0xC'4200u);
  for (const std::uint64_t moved : {0x1F00'0900ull, 0xFEE0'1900ull, 0xFEE0'0000ull}) {
    base() = moved;
    EXPECT_FALSE(apic_.send_smi_to_others(2)) << moved;
  }
  EXPECT_EQ(low(), 0u);
}

TEST_F(LocalApicTest, AnswersToItsIdInEitherMode) {
  base() = 0xFEE0'0900;
  page_[arch::local_apic::id / 4] = 0x0500'0000;
  EXPECT_TRUE(apic_.answers_to(5));
  EXPECT_FALSE(apic_.answers_to(6));
  base() = 0xFEE0'0D00;
  arch::fake::machine().msrs[arch::msr::x2apic_id] = 0x1234;
  EXPECT_TRUE(apic_.answers_to(0x1234));
  EXPECT_FALSE(apic_.answers_to(5));
}

TEST_F(LocalApicTest, TheDestinationIsKeptWhereThereIsOne) {
  base() = 0xFEE0'0900;
  EXPECT_EQ(apic_.destination(), 0x7700'0000u);
  apic_.set_destination(0x1200'0000);
  EXPECT_EQ(high(), 0x1200'0000u);
  for (const std::uint64_t elsewhere : {0xFEE0'0D00ull, 0x1F00'0900ull, 0xFEE0'0000ull}) {
    base() = elsewhere;
    EXPECT_EQ(apic_.destination(), 0u);
    apic_.set_destination(0x3400'0000);
    EXPECT_EQ(high(), 0x1200'0000u);
  }
}

}  // namespace
}  // namespace redoubt::supervisor
