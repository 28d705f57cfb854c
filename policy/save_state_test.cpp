// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "policy/save_state.hpp"

#include <gtest/gtest.h>

namespace redoubt::policy {
namespace {

using Register = abi::MmSaveStateRegister;
using Condition = SaveStateCondition;

constexpr SaveStateRule rules[] = {
    {Register::rax, Register::rax, Condition::perhaps_raiser, Condition::certain_raiser},
    {Register::rax, Register::rdx, Condition::always, Condition::never},
    {Register::io, Register::io, Condition::always, Condition::never},
};

TEST(SaveStatePolicy, WhatNoRuleNamesIsDenied) {
  for (std::uint32_t number = 0; number < 600; ++number) {
    const auto reg = static_cast<Register>(number);
    const bool named = (reg >= Register::rax && reg <= Register::rdx) || reg == Register::io;
    EXPECT_EQ(decide(rules, {reg, false, Raiser::certainly}), named ? Verdict::allow : Verdict::deny) << number;
    EXPECT_EQ(decide(rules, {reg, true, Raiser::certainly}), reg == Register::rax ? Verdict::allow : Verdict::deny)
        << number;
    EXPECT_EQ(decide({}, {reg, false, Raiser::certainly}), Verdict::deny);
  }
}

TEST(SaveStatePolicy, OfTwoRulesTheFirstDecides) {
  EXPECT_EQ(decide(rules, {Register::rax, false, Raiser::no}), Verdict::deny);
  EXPECT_EQ(decide(rules, {Register::rbx, false, Raiser::no}), Verdict::allow);
}

TEST(SaveStatePolicy, WhoRaisedTheMmiCounts) {
  for (const Raiser raiser : {Raiser::no, Raiser::perhaps, Raiser::certainly}) {
    EXPECT_EQ(decide(rules, {Register::rax, false, raiser}), raiser != Raiser::no ? Verdict::allow : Verdict::deny);
    EXPECT_EQ(decide(rules, {Register::rax, true, raiser}),
              raiser == Raiser::certainly ? Verdict::allow : Verdict::deny);
  }
}

}  // namespace
}  // namespace redoubt::policy
