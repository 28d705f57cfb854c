// SPDX-License-Identifier: BSD-2-Clause-Patent
// The record of a fault, and what follows from it.
#include "policy/fault_record.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>

namespace redoubt::policy {
namespace {

using abi::FaultPolicy;

constexpr abi::Guid one = {1, 2, 3, {4}};
constexpr abi::Guid other = {9, 2, 3, {4}};

abi::StopRequest request() {
  abi::StopRequest request{};
  request.file = one;
  request.handler = other;
  request.rip = 0x1F20'1234;
  request.address = 0xDEAD;
  request.vector = 14;
  request.driver = 3;
  request.policy = FaultPolicy::reset;
  request.cause = abi::FaultCause::fault;
  std::memcpy(request.name, "VariableStandaloneMm", sizeof("VariableStandaloneMm"));
  return request;
}

FaultRecord record() {
  return make_fault_record(request(), BootPhase::locked, StopVerdict::reset,
                           {.driver = one, .in_a_row = 1, .total = 2});
}

FaultRecordBytes bytes_of(const FaultRecord& record) { return std::bit_cast<FaultRecordBytes>(record); }

FaultRecord sealed(FaultRecord record) {
  record.checksum = checksum_of(record);
  return record;
}

TEST(FaultRecord, ComesBackAsItWasLeft) {
  const auto accepted = accept_fault_record(bytes_of(record()));
  ASSERT_TRUE(accepted.has_value());
  EXPECT_EQ(accepted->request.file, one);
  EXPECT_EQ(accepted->request.handler, other);
  EXPECT_EQ(accepted->request.rip, 0x1F20'1234U);
  EXPECT_EQ(accepted->phase, BootPhase::locked);
  EXPECT_EQ(accepted->history().driver, one);
  EXPECT_EQ(accepted->history().in_a_row, 1U);
  EXPECT_EQ(accepted->history().total, 2U);
  EXPECT_EQ(std::string_view(accepted->request.name), "VariableStandaloneMm");
}

TEST(FaultRecord, EveryBitCounts) {
  const FaultRecordBytes sound = bytes_of(record());
  for (std::size_t at = 0; at < sound.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      FaultRecordBytes damaged = sound;
      damaged[at] ^= static_cast<std::byte>(1U << bit);
      EXPECT_FALSE(accept_fault_record(damaged).has_value()) << "byte " << at << ", bit " << bit;
    }
    for (const unsigned value : {0x00U, 0xFFU, 0xAFU}) {
      FaultRecordBytes damaged = sound;
      damaged[at] = static_cast<std::byte>(value);
      EXPECT_EQ(accept_fault_record(damaged).has_value(), damaged == sound) << "byte " << at;
    }
  }
}

TEST(FaultRecord, NoiseIsNone) {
  FaultRecordBytes bytes{};
  EXPECT_FALSE(accept_fault_record(bytes).has_value());
  bytes.fill(std::byte{0xFF});
  EXPECT_FALSE(accept_fault_record(bytes).has_value());
}

// With the right checksum: fields that no boot of ours leaves.
TEST(FaultRecord, EachFieldIsChecked) {
  const auto accepted = [](auto change) {
    FaultRecord changed = record();
    change(changed);
    return accept_fault_record(bytes_of(sealed(changed))).has_value();
  };
  EXPECT_TRUE(accepted([](FaultRecord&) {}));
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.signature ^= 1; }));
  EXPECT_FALSE(accepted([](FaultRecord& record) { ++record.version; }));
  EXPECT_FALSE(accepted([](FaultRecord& record) { --record.size; }));
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.total = resets_in_total + 1; }));
  EXPECT_FALSE(accepted([](FaultRecord& record) {
    record.total = 0;
    record.in_a_row = 1;
  }));
  EXPECT_FALSE(accepted([](FaultRecord& record) {
    record.total = resets_in_total;
    record.in_a_row = resets_in_a_row + 1;
  }));
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.phase = static_cast<BootPhase>(boot_phase_count); }));
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.verdict = static_cast<StopVerdict>(5); }));
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.reserved = 1; })) << "a later version's, perhaps";
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.request.reserved[5] = 1; }));
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.request.policy = static_cast<FaultPolicy>(3); }));
  EXPECT_FALSE(accepted(
      [](FaultRecord& record) { record.request.cause = static_cast<abi::FaultCause>(abi::fault_cause_count); }));
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.request.name[3] = '"'; })) << "ends a value of the log";
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.request.name[3] = '\n'; })) << "ends a line";
  EXPECT_FALSE(accepted([](FaultRecord& record) { record.request.name[39] = 'x'; })) << "behind the end";
}

TEST(FaultRecord, TheChecksumIsTheOneOfUefi) {
  const char text[] = "123456789";
  EXPECT_EQ(crc32(std::as_bytes(std::span(text, 9))), 0xCBF4'3926U);
}

TEST(FaultRecord, WhateverRingThreeAskedForARecordOfItIsAccepted) {
  FaultRecord wrong = record();
  std::memset(&wrong.request, 0xFF, sizeof(wrong.request));
  abi::StopRequest asked = wrong.request;
  make_sound(asked);
  EXPECT_TRUE(
      accept_fault_record(bytes_of(make_fault_record(asked, BootPhase::locked, StopVerdict::reset, {}))).has_value());
}

TEST(FaultRecord, ANameIsMadeHarmless) {
  char name[8] = {'a', '"', '\n', 'b', '\0', 'c', 'd', 'e'};
  make_quotable(name);
  EXPECT_EQ(std::string_view(name, 8), std::string_view("a??b\0\0\0\0", 8));
  char full[4] = {'a', 'b', 'c', 'd'};
  make_quotable(full);
  EXPECT_EQ(std::string_view(full, 4), std::string_view("abc\0", 4));
}

StopVerdict verdict(FaultPolicy policy, BootPhase phase, const ResetHistory& history = {}) {
  return judge_fault(policy, one, phase, history);
}

TEST(FaultVerdict, FollowsThePolicy) {
  for (const BootPhase phase : {BootPhase::launch, BootPhase::firmware, BootPhase::locked, BootPhase::ready_to_boot}) {
    EXPECT_EQ(verdict(FaultPolicy::disable, phase), StopVerdict::closed_by_policy);
    EXPECT_EQ(verdict(FaultPolicy::reset, phase), StopVerdict::reset);
    EXPECT_EQ(verdict(FaultPolicy::halt, phase), StopVerdict::halt);
    EXPECT_EQ(verdict(static_cast<FaultPolicy>(77), phase), StopVerdict::reset);
  }
}

TEST(FaultVerdict, NoOperatingSystemIsReset) {
  EXPECT_EQ(verdict(FaultPolicy::reset, BootPhase::operating_system), StopVerdict::closed_for_system);
  EXPECT_EQ(verdict(FaultPolicy::halt, BootPhase::operating_system), StopVerdict::halt) << "somebody asked for that";
}

// A machine whose drivers fail at each boot, one after the other.
std::uint32_t resets_until_closed(std::span<const abi::Guid> drivers) {
  ResetHistory history;
  std::uint32_t resets = 0;
  for (;; ++resets) {
    const abi::Guid& driver = drivers[resets % drivers.size()];
    const StopVerdict verdict = judge_fault(FaultPolicy::reset, driver, BootPhase::firmware, history);
    history = history_after(verdict, history, driver);
    const FaultRecord left = make_fault_record(request(), BootPhase::firmware, verdict, history);
    EXPECT_TRUE(accept_fault_record(bytes_of(left)).has_value());
    if (goes_on(verdict)) {
      EXPECT_EQ(verdict, StopVerdict::closed_for_loop);
      return resets;
    }
  }
}

TEST(FaultVerdict, TheThirdResetInARowIsRefused) {
  const abi::Guid alone[] = {one};
  EXPECT_EQ(resets_until_closed(alone), resets_in_a_row);
}

TEST(FaultVerdict, DriversThatTakeTurnsEndAsWell) {
  const abi::Guid turns[] = {one, other};
  EXPECT_EQ(resets_until_closed(turns), resets_in_total);
}

TEST(FaultVerdict, ARefusalKeepsTheCount) {
  const ResetHistory twice = {.driver = one, .in_a_row = 2, .total = 2};
  const ResetHistory after = history_after(StopVerdict::closed_for_loop, twice, one);
  EXPECT_EQ(after.in_a_row, 2U);
  EXPECT_EQ(after.total, 2U);
  EXPECT_EQ(judge_fault(FaultPolicy::reset, one, BootPhase::firmware, after), StopVerdict::closed_for_loop);
}

}  // namespace
}  // namespace redoubt::policy
