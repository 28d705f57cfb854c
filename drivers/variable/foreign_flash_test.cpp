// SPDX-License-Identifier: BSD-2-Clause-Patent
// The owner of the machine lays something else over the flash, or runs on another CPU while it is written: what was
// stored decides all the same, and no write is acknowledged that the flash didn't take.
#include <gtest/gtest.h>

#include <algorithm>

#include "abi/uefi/signatures.hpp"
#include "drivers/variable/authentication/signature_list.hpp"
#include "drivers/variable/authentication/test_signing.hpp"
#include "drivers/variable/store/record.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
using namespace attribute;
namespace status = abi::status;

constexpr abi::Time at(std::uint8_t day) { return {2026, 11, day, 12, 0, 0, 0, 0, 0, 0, 0}; }

ByteVector list_of(const std::string& certificate) {
  return signature_list(abi::signature_type::x509, {fixture(certificate + ".crt")});
}

// What other CPUs do, call by call.
class Processors final : public OtherProcessors {
 public:
  bool hold(bool& some_presumed_stopped) override {
    ++calls;
    some_presumed_stopped = presumed_stopped;
    if (!running_at_call || *running_at_call != calls) {
      return true;
    }
    running_at_call.reset();
    return false;
  }

  bool presumed_stopped = false;
  std::optional<int> running_at_call;  // then one is found running outside
  int calls = 0;
};

// A machine with a platform key, and a copy of its flash with another one.
class ForeignFlash : public testing::Test {
 protected:
  void SetUp() override {
    machine.processors = &processors;
    ASSERT_TRUE(machine.reset().has_value());
    enrol(machine, "pk", "kek");
    ASSERT_EQ(machine.set(u"Ordinary", nv_bs_rt, "as stored"), status::success);
    Machine other;
    enrol(other, "stranger", "stranger");
    ASSERT_EQ(other.set(u"Ordinary", nv_bs_rt, "in window"), status::success);
    foreign = other.flash.cells();
  }

  static void enrol(Machine& on, const std::string& owner, const std::string& exchange) {
    const auto put = [&](const VariableId& id, Bytes payload) {
      return on.services->set(Requester::message, id, nv_bs_rt_at, Signer::described(at(1), {}, payload));
    };
    ASSERT_EQ(put(key_exchange_key, list_of(exchange)), status::success);
    ASSERT_EQ(on.services->set(Requester::message, platform_key, nv_bs_rt_at,
                               Signer(owner).update(platform_key, nv_bs_rt_at, at(1), list_of(owner))),
              status::success);
  }
  abi::EfiStatus update(const std::string& signer, const VariableId& id, std::uint8_t day, const std::string& content) {
    return machine.services->set(Requester::message, id, nv_bs_rt_at,
                                 Signer(signer).update(id, nv_bs_rt_at, at(day), list_of(content)));
  }
  void cover(std::uint32_t from, std::uint32_t size, NorModel::Cover kind = NorModel::Cover::ram) {
    machine.flash.cover(from, {foreign.begin() + from, foreign.begin() + from + size}, kind);
  }
  void expect_owner() {
    EXPECT_EQ(bytes(machine.get(u"PK", global_variable_guid).data), list_of("pk"));
    EXPECT_EQ(bytes(machine.get(u"KEK", global_variable_guid).data), list_of("kek"));
    EXPECT_EQ(machine.get(u"Ordinary").data, "as stored");
    EXPECT_EQ(machine.get(u"SecureBoot", global_variable_guid).data, std::string(1, '\1'));
  }
  void reset() { ASSERT_TRUE(machine.reset().has_value()); }
  // Makes the store so full that the next one of these needs a reclaim.
  void fill() {
    const auto room = [this] {
      const auto end = machine.flash.cells().begin() + small_region;
      return std::ranges::find_if(std::make_reverse_iterator(end), machine.flash.cells().rend(),
                                  [](std::byte cell) { return cell != std::byte{0xFF}; }) -
             std::make_reverse_iterator(end);
    };
    for (char fill = 'a'; room() > 3000; fill = fill == 'a' ? 'b' : 'a') {
      ASSERT_EQ(machine.set(u"Filler", nv_bs_rt, std::string(900, fill)), status::success);
    }
  }

  Processors processors;
  Machine machine;
  std::vector<std::byte> foreign;
};

TEST_F(ForeignFlash, KeysInAWindowAuthorizeNothing) {
  for (const NorModel::Cover kind : {NorModel::Cover::ram, NorModel::Cover::pretends}) {
    cover(0, small_region, kind);
    expect_owner();
    EXPECT_EQ(update("stranger", key_exchange_key, 3, "stranger"), status::security_violation);
    EXPECT_EQ(update("stranger", platform_key, 3, "stranger"), status::security_violation);
    EXPECT_EQ(update("stranger", signature_database, 3, "stranger"), status::security_violation);
    expect_owner();
    machine.flash.uncover();
    expect_owner();
    reset();
    expect_owner();
  }
}

TEST_F(ForeignFlash, NoWriteIntoAWindowIsAcknowledged) {
  const std::vector<std::byte> before = machine.flash.cells();
  cover(0, small_region);
  EXPECT_EQ(machine.set(u"Ordinary", nv_bs_rt, "changed"), status::device_error);
  EXPECT_EQ(machine.services->take_refusal(), WriteRefusal::silence);
  EXPECT_EQ(machine.services->take_refusal(), WriteRefusal::none);
  EXPECT_EQ(machine.set(u"Ordinary", 0, ""), status::device_error);
  EXPECT_EQ(machine.set(u"New", nv_bs_rt, "new"), status::device_error);
  EXPECT_EQ(update("kek", signature_database, 3, "stranger"), status::device_error);
  expect_owner();
  EXPECT_EQ(machine.flash.misled(), 0u) << "nothing was programmed there";
  machine.flash.uncover();
  EXPECT_EQ(machine.flash.cells(), before);
  // And all is as before.
  EXPECT_EQ(machine.set(u"New", nv_bs_rt, "new"), status::success);
  EXPECT_EQ(update("kek", signature_database, 3, "stranger"), status::success);
  reset();
  expect_owner();
  EXPECT_EQ(machine.get(u"New").data, "new");
}

// The window is where the old record is, and the new one goes elsewhere.
TEST_F(ForeignFlash, TheOldRecordsBlockIsAskedBeforeTheNewOneIsWritten) {
  fill();
  const std::vector<std::byte> before = machine.flash.cells();
  cover(0, small_layout.block_size);
  EXPECT_EQ(machine.set(u"Ordinary", nv_bs_rt, "changed"), status::device_error);
  EXPECT_EQ(machine.flash.cells(), before);
  machine.flash.uncover();
  expect_owner();
}

TEST_F(ForeignFlash, AReclaimWritesWhatWasStored) {
  for (const std::uint32_t block : {0u, 3u, small_layout.work / 0x1000, small_layout.spare / 0x1000, 8u}) {
    fill();
    const std::vector<std::byte> before = machine.flash.cells();
    cover(block * 0x1000, 0x1000);
    EXPECT_EQ(machine.set(u"Filler", nv_bs_rt, std::string(3000, 'z')), status::device_error) << block;
    EXPECT_EQ(machine.flash.cells(), before);
    machine.flash.uncover();
    expect_owner();
    EXPECT_EQ(machine.set(u"Filler", nv_bs_rt, std::string(3000, 'z')), status::success);
    reset();
    expect_owner();
    EXPECT_EQ(machine.get(u"Filler").data, std::string(3000, 'z'));
    ASSERT_EQ(machine.set(u"Filler", 0, ""), status::success);
  }
}

TEST_F(ForeignFlash, NothingIsWrittenWhileACpuRunsOutside) {
  const std::vector<std::byte> before = machine.flash.cells();
  processors.running_at_call = processors.calls + 1;
  EXPECT_EQ(machine.set(u"Ordinary", nv_bs_rt, "changed"), status::device_error);
  EXPECT_EQ(machine.services->take_refusal(), WriteRefusal::processor);
  processors.running_at_call = processors.calls + 1;
  EXPECT_EQ(machine.set(u"Ordinary", 0, ""), status::device_error);
  fill();
  const std::vector<std::byte> full = machine.flash.cells();
  processors.running_at_call = processors.calls + 1;
  EXPECT_EQ(machine.set(u"Filler", nv_bs_rt, std::string(3000, 'z')), status::device_error);
  EXPECT_EQ(machine.flash.cells(), full);
  expect_owner();
  EXPECT_EQ(machine.set(u"Filler", nv_bs_rt, std::string(3000, 'z')), status::success);
}

// Damage in front of a variable whose data is another's record: what is only found by searching isn't the value of a
// name that has one for certain.
TEST_F(ForeignFlash, ARepairPrefersWhatReadersFind) {
  const std::vector<std::byte> cells = machine.flash.cells();
  std::vector<std::byte> planted;
  const std::vector<std::byte> key = list_of("stranger");
  format::RecordHeader header{};
  header.start = format::RecordHeader::expected_start;
  header.state = format::state::added;
  header.attributes = nv_bs_rt_at;
  header.name_size = platform_key.name_size();
  header.data_size = static_cast<std::uint32_t>(key.size());
  header.vendor = platform_key.vendor;
  append_value(planted, header);
  append(planted, std::as_bytes(std::span(platform_key.name)));
  append_value(planted, char16_t{0});
  append(planted, key);
  ASSERT_EQ(machine.set(u"Abc", nv_bs_rt, {reinterpret_cast<const char*>(planted.data()), planted.size()}),
            status::success);
  auto& now = machine.flash.cells();
  const auto first_changed = static_cast<std::size_t>(std::ranges::mismatch(now, cells).in1 - now.begin());
  now[first_changed] = std::byte{0};  // the start of its record
  EXPECT_FALSE(machine.reset().has_value());
  machine.services = std::make_unique<VariableServices>(machine.allocator, machine.flash, small_layout, Limits{});
  ASSERT_TRUE(machine.services->start(Repair::yes).has_value());
  expect_owner();
}

// It counted as stopped when the write began: what was written by then doesn't count.
TEST_F(ForeignFlash, WhatACpuMayHaveSeenBeingWrittenDoesNotCount) {
  processors.presumed_stopped = true;
  int calls = processors.calls;
  ASSERT_EQ(machine.set(u"Ordinary", nv_bs_rt, "as stored, too"), status::success);
  EXPECT_EQ(processors.calls, calls + 2) << "once before, once before the last step";
  ASSERT_EQ(machine.set(u"Ordinary", nv_bs_rt, "as stored"), status::success);
  processors.running_at_call = processors.calls + 2;
  EXPECT_EQ(machine.set(u"Ordinary", nv_bs_rt, "changed"), status::device_error);
  EXPECT_EQ(machine.services->take_refusal(), WriteRefusal::processor);
  processors.running_at_call = processors.calls + 2;
  EXPECT_EQ(machine.set(u"Ordinary", 0, ""), status::device_error);
  expect_owner();
  reset();
  expect_owner();
  fill();
  processors.running_at_call = processors.calls + 2;
  EXPECT_EQ(machine.set(u"Filler", nv_bs_rt, std::string(3000, 'z')), status::device_error);
  expect_owner();
  reset();
  expect_owner();
  processors.presumed_stopped = false;
  calls = processors.calls;
  ASSERT_EQ(machine.set(u"Filler", nv_bs_rt, std::string(20, 'z')), status::success);
  EXPECT_EQ(processors.calls, calls + 1);
}

}  // namespace
}  // namespace redoubt::variable
