// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the foundation asks for with objects of its own.
#include "foundation/supervisor_interface.hpp"

#include <gtest/gtest.h>

#include "foundation/testing/fake_supervisor.hpp"

namespace redoubt::foundation {
namespace {

TEST(SupervisorInterface, WhatNoObjectCanBeIsNotTakenForNothing) {
  testing::FakeSupervisor supervisor;
  const Bytes wraps(at_address<const std::byte>(UINT64_MAX - 3), 16);
  EXPECT_EQ(range_in_foundation(wraps).error(), abi::SystemStatus::bad_address);
  EXPECT_EQ(status_of_call(supervisor.store(DriverAddress(0x20000), wraps)), abi::SystemStatus::bad_address);
  supervisor.log({at_address<const char>(UINT64_MAX - 3), 16});
  EXPECT_TRUE(supervisor.lines.empty());
  const std::uint64_t value = 5;
  EXPECT_EQ(range_in_foundation(object_bytes(value)).value().bytes(), sizeof(value));
}

}  // namespace
}  // namespace redoubt::foundation
