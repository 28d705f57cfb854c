// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/memory_overwrite.hpp"

#include <gtest/gtest.h>

#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
namespace status = abi::status;
using attribute::nv_bs_rt;

constexpr std::string_view key = "8 bytes!";
constexpr std::string_view wrong = "8 bytes?";
constexpr std::string_view zero("\0", 1);
constexpr std::string_view one("\1", 1);
constexpr std::string_view two("\2", 1);

// A platform that clears memory when asked: the request is there, as its firmware made it.
class MemoryOverwrite : public testing::Test {
 protected:
  static Limits clears_memory() {
    Limits limits;
    limits.memory_overwrite = true;
    return limits;
  }

  MemoryOverwrite() {
    EXPECT_EQ(request(zero), status::success);
    machine.services->end_of_dxe();
  }

  abi::EfiStatus request(std::string_view data, std::uint32_t attributes = nv_bs_rt) {
    return machine.set(memory_overwrite_request.name, attributes, data, memory_overwrite_request.vendor);
  }
  abi::EfiStatus lock(std::string_view data, std::uint32_t attributes = nv_bs_rt) {
    return machine.set(memory_overwrite_lock.name, attributes, data, memory_overwrite_lock.vendor);
  }
  std::string locked() { return machine.get(memory_overwrite_lock.name, memory_overwrite_lock.vendor).data; }
  std::string requested() { return machine.get(memory_overwrite_request.name, memory_overwrite_request.vendor).data; }

  Machine machine{clears_memory()};
};

TEST_F(MemoryOverwrite, BeginsUnlocked) {
  const auto value = machine.get(memory_overwrite_lock.name, memory_overwrite_lock.vendor);
  EXPECT_EQ(value.data, zero);
  EXPECT_EQ(value.attributes, nv_bs_rt);
  EXPECT_EQ(request(one), status::success);
  EXPECT_EQ(requested(), one);
  EXPECT_EQ(lock(zero), status::success);
  EXPECT_EQ(request(zero), status::success);
}

TEST_F(MemoryOverwrite, WhatCannotBeWritten) {
  const struct {
    std::uint32_t attributes;
    std::string_view data;
    abi::EfiStatus request;
    abi::EfiStatus lock;
  } cases[] = {
      {0, "", status::write_protected, status::write_protected},
      {0, "1", status::write_protected, status::write_protected},
      {nv_bs_rt, "", status::write_protected, status::write_protected},
      {attribute::nv_bs, one, status::invalid_parameter, status::invalid_parameter},
      {attribute::bs_rt, one, status::invalid_parameter, status::invalid_parameter},
      {nv_bs_rt | attribute::append_write, one, status::invalid_parameter, status::invalid_parameter},
      {nv_bs_rt, "12", status::invalid_parameter, status::invalid_parameter},
      {nv_bs_rt, "1234567", status::invalid_parameter, status::invalid_parameter},
      {nv_bs_rt, "123456789", status::invalid_parameter, status::invalid_parameter},
      {nv_bs_rt, key, status::invalid_parameter, status::success},
  };
  for (const auto& test_case : cases) {
    EXPECT_EQ(request(test_case.data, test_case.attributes), test_case.request) << test_case.data;
    EXPECT_EQ(lock(test_case.data, test_case.attributes), test_case.lock) << test_case.data;
    EXPECT_EQ(requested(), zero);
  }
  EXPECT_EQ(lock(key), status::success);
  EXPECT_EQ(lock(two), status::invalid_parameter) << "only a key locks with a key";
  EXPECT_EQ(locked(), zero);
}

TEST_F(MemoryOverwrite, Revision1LocksUntilReset) {
  ASSERT_EQ(request(one), status::success);
  ASSERT_EQ(lock(one), status::success);
  EXPECT_EQ(locked(), one);
  EXPECT_EQ(request(zero), status::access_denied);
  EXPECT_EQ(request("", 0), status::write_protected);
  for (const std::string_view data : {zero, one, key, std::string_view("\0\0\0\0\0\0\0\0", 8)}) {
    EXPECT_EQ(lock(data), status::access_denied);
  }
  machine.services->exit_boot_services();
  EXPECT_EQ(request(zero), status::access_denied);
  EXPECT_EQ(lock(zero), status::access_denied);
  EXPECT_EQ(requested(), one);

  // The request survives the reset, the lock doesn't.
  ASSERT_TRUE(machine.reset().has_value());
  machine.services->end_of_dxe();
  EXPECT_EQ(requested(), one);
  EXPECT_EQ(locked(), zero);
  EXPECT_EQ(request(zero), status::success);
}

TEST_F(MemoryOverwrite, Revision2OpensWithItsKey) {
  machine.services->exit_boot_services();
  ASSERT_EQ(lock(key), status::success);
  EXPECT_EQ(locked(), two) << "the key itself can't be read";
  EXPECT_EQ(request(one), status::access_denied);
  EXPECT_EQ(lock(zero), status::access_denied);
  EXPECT_EQ(lock(one), status::access_denied);
  EXPECT_EQ(locked(), two);
  ASSERT_EQ(lock(key), status::success);
  EXPECT_EQ(locked(), zero);
  EXPECT_EQ(request(one), status::success);
  // A new key each time.
  ASSERT_EQ(lock(wrong), status::success);
  EXPECT_EQ(lock(wrong), status::success);
  EXPECT_EQ(locked(), zero);
}

TEST_F(MemoryOverwrite, OneWrongKeyIsTheLast) {
  ASSERT_EQ(lock(key), status::success);
  EXPECT_EQ(lock(wrong), status::access_denied);
  EXPECT_EQ(locked(), one);
  EXPECT_EQ(lock(key), status::access_denied);
  EXPECT_EQ(lock(std::string_view("\0\0\0\0\0\0\0\0", 8)), status::access_denied) << "nor does a forgotten key";
  EXPECT_EQ(request(one), status::access_denied);
}

// A store that can't be written changes no lock, but a wrong key counts.
TEST_F(MemoryOverwrite, FlashThatFails) {
  machine.flash.cut_power_at(0, 1);
  EXPECT_EQ(lock(key), status::device_error);
  EXPECT_EQ(machine.services->memory_overwrite().state(), MemoryOverwriteLock::State::unlocked);
  machine.services->end_of_dxe();
  ASSERT_TRUE(machine.reset().has_value());
  machine.services->end_of_dxe();
  ASSERT_EQ(lock(key), status::success);
  machine.flash.cut_power_at(0, 1);
  EXPECT_EQ(lock(wrong), status::access_denied);
  EXPECT_EQ(machine.services->memory_overwrite().state(), MemoryOverwriteLock::State::locked);
}

TEST_F(MemoryOverwrite, DriversInMmAreBoundToo) {
  ASSERT_EQ(lock(one), status::success);
  EXPECT_EQ(machine.services->set(Requester::mm_driver, memory_overwrite_request, nv_bs_rt, bytes("\1")),
            status::access_denied);
}

TEST_F(MemoryOverwrite, LockedBeforeTheEndOfDxeStaysLocked) {
  Machine early(clears_memory());
  const auto set = [&early](const VariableId& id, std::string_view data) {
    return early.set(id.name, nv_bs_rt, data, id.vendor);
  };
  ASSERT_EQ(set(memory_overwrite_request, one), status::success);
  ASSERT_EQ(set(memory_overwrite_lock, key), status::success);
  early.services->end_of_dxe();
  EXPECT_EQ(early.get(memory_overwrite_lock.name, memory_overwrite_lock.vendor).data, two);
  EXPECT_EQ(set(memory_overwrite_request, zero), status::access_denied);
  EXPECT_EQ(set(memory_overwrite_lock, key), status::success);
}

// Where firmware doesn't clear memory, no operating system shall rely on it: what an earlier one made is deleted.
TEST(MemoryOverwriteUnsupported, IsGoneFromTheEndOfDxeOn) {
  const auto set = [](Machine& machine, const VariableId& id, std::uint32_t attributes, std::string_view data) {
    return machine.set(id.name, attributes, data, id.vendor);
  };
  for (const bool supported : {false, true}) {
    Limits limits;
    limits.memory_overwrite = supported;
    Machine machine(limits);
    if (!supported) {
      EXPECT_EQ(set(machine, memory_overwrite_request, nv_bs_rt, zero), status::success);
    }
    EXPECT_EQ(set(machine, memory_overwrite_lock, nv_bs_rt, zero), status::success);
    machine.services->end_of_dxe();
    for (const VariableId& id : {memory_overwrite_request, memory_overwrite_lock}) {
      EXPECT_EQ(machine.get(id.name, id.vendor).status, status::not_found);
      EXPECT_EQ(set(machine, id, nv_bs_rt, zero), status::write_protected);
      EXPECT_EQ(set(machine, id, 0, ""), status::write_protected);
    }
  }
}

}  // namespace
}  // namespace redoubt::variable
