// SPDX-License-Identifier: BSD-2-Clause-Patent
// Every access that the foundation could ask for, against the rule in other words.
#include "policy/page_access.hpp"

#include <gtest/gtest.h>

namespace redoubt::policy {
namespace {

using abi::DomainId;

TEST(PageAccess, OneRegisterHoldsItAndNothingElseIsTaken) {
  int accepted = 0;
  for (std::uint64_t number = 0; number < (1u << 25); number += (number & 0xFF) == 3 ? 253 : 1) {
    const auto access = abi::decode_access(number);
    const bool known = (number & 0xFF) <= 1 && (number >> 8 & 0xFF) <= 15 && (number >> 16) <= 15;
    ASSERT_EQ(access.has_value(), known) << std::hex << number;
    accepted += known ? 1 : 0;
  }
  EXPECT_EQ(accepted, 2 * 16 * 16);
  EXPECT_FALSE(abi::decode_access(std::uint64_t{1} << 32));
  EXPECT_FALSE(abi::decode_access(~std::uint64_t{0}));
}

TEST(PageAccess, WriteAndExecuteExcludeEachOtherOverAllDomains) {
  int permitted = 0;
  for (std::uint64_t number = 0; number < (1u << 20); ++number) {
    const auto access = abi::decode_access(number);
    if (!access) continue;
    const abi::Rights foundation = rights_of(*access, DomainId::foundation);
    const abi::Rights drivers = rights_of(*access, DomainId::drivers);
    const bool exception = abi::encode(drivers) == 15 && abi::encode(foundation) == 0;
    for (const bool exceptions : {false, true}) {
      if (!may_have(*access, exceptions)) continue;
      ++permitted;
      EXPECT_TRUE((exceptions && exception) ||
                  !((foundation.write || drivers.write) && (foundation.execute || drivers.execute)));
      EXPECT_TRUE((exceptions && exception) || (!foundation.exception && !drivers.exception));
      // No domain writes or runs what it can't read.
      EXPECT_TRUE(foundation.read || (!foundation.write && !foundation.execute));
      EXPECT_TRUE(drivers.read || (!drivers.write && !drivers.execute));
    }
  }
  // Of the 16 pairs of plain rights two are write with execute; twice, for the two holders, without and with the one
  // exception.
  EXPECT_EQ(permitted, 2 * 2 * 14 + 1);
}

TEST(PageAccess, RightsGoByWhoAsks) {
  constexpr abi::PageAccess shared = abi::held_by_foundation(abi::read_write, abi::read_only);
  EXPECT_EQ(rights_of(shared, DomainId::foundation), abi::read_write);
  EXPECT_EQ(rights_of(shared, DomainId::drivers), abi::read_only);
  EXPECT_EQ(rights_of(abi::held_by_drivers(abi::read_execute), DomainId::foundation), abi::no_rights);
  EXPECT_TRUE(covers(abi::read_write, abi::read_only));
  EXPECT_FALSE(covers(abi::read_only, abi::read_write));
  EXPECT_FALSE(covers(abi::no_rights, abi::read_execute));
}

}  // namespace
}  // namespace redoubt::policy
