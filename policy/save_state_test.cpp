// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "policy/save_state.hpp"

#include <gtest/gtest.h>

namespace redoubt::policy {
namespace {

using Register = abi::MmSaveStateRegister;
using Condition = SaveStateCondition;

constexpr SaveStateRule rules[] = {
    {Register::rax, Register::rax, Condition::interrupted_in_ring_0, Condition::interrupted_in_ring_0},
    {Register::rax, Register::rdx, Condition::always, Condition::never},
    {Register::io, Register::io, Condition::always, Condition::never},
};

TEST(SaveStatePolicy, WhatNoRuleNamesIsDenied) {
  for (std::uint32_t number = 0; number < 600; ++number) {
    const auto reg = static_cast<Register>(number);
    const bool named = (reg >= Register::rax && reg <= Register::rdx) || reg == Register::io;
    EXPECT_EQ(decide(rules, {reg, false, 0}), named ? Verdict::allow : Verdict::deny) << number;
    EXPECT_EQ(decide(rules, {reg, true, 0}), reg == Register::rax ? Verdict::allow : Verdict::deny) << number;
    EXPECT_EQ(decide({}, {reg, false, 0}), Verdict::deny);
  }
}

TEST(SaveStatePolicy, OfTwoRulesTheFirstDecides) {
  EXPECT_EQ(decide(rules, {Register::rax, false, 3}), Verdict::deny);
  EXPECT_EQ(decide(rules, {Register::rbx, false, 3}), Verdict::allow);
}

TEST(SaveStatePolicy, ThePrivilegeOfTheInterruptedCodeCounts) {
  for (unsigned privilege = 0; privilege < 4; ++privilege) {
    const Verdict expected = privilege == 0 ? Verdict::allow : Verdict::deny;
    EXPECT_EQ(decide(rules, {Register::rax, false, privilege}), expected);
    EXPECT_EQ(decide(rules, {Register::rax, true, privilege}), expected);
  }
}

}  // namespace
}  // namespace redoubt::policy
