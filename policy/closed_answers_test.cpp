// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a stock caller finds in its buffer. Offsets and codes stand here as numbers, from edk2's
// Guid/SmmVariableCommon.h, Guid/VarCheckPolicyMmi.h, Guid/SmmLockBox.h and UEFI 2.10, appendix D, since a mistake in
// our own layouts would hide itself.
#include "policy/closed_answers.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

namespace redoubt::policy {
namespace {

using Payload = std::vector<std::byte>;
using Kind = ClosedQuestion::Kind;

constexpr std::uint64_t device_error = 0x8000'0000'0000'0007;
constexpr std::uint64_t buffer_too_small = 0x8000'0000'0000'0005;
constexpr std::uint64_t not_ready = 0x8000'0000'0000'0006;
constexpr std::uint64_t not_found = 0x8000'0000'0000'000E;
constexpr std::uint64_t timeout = 0x8000'0000'0000'0012;
constexpr std::uint64_t aborted = 0x8000'0000'0000'0015;

// An independent copy of what DXE sends.
constexpr abi::Guid variables = {0xed32d533, 0x99e6, 0x4209, {0x9c, 0xc0, 0x2d, 0x72, 0xcd, 0xd9, 0x98, 0xa7}};
constexpr abi::Guid global = {0x8BE4DF61, 0x93CA, 0x11D2, {0xAA, 0x0D, 0x00, 0xE0, 0x98, 0x03, 0x2B, 0x8C}};
constexpr abi::Guid database = {0xD719B2CB, 0x3D3A, 0x4596, {0xA3, 0xBC, 0xDA, 0xD0, 0x0E, 0x67, 0x65, 0x6F}};

template <typename T>
void put(Payload& payload, std::size_t offset, const T& value) {
  if (payload.size() < offset + sizeof(T)) payload.resize(offset + sizeof(T));
  std::memcpy(payload.data() + offset, &value, sizeof(T));
}

template <typename T>
T get(const Payload& payload, std::size_t offset) {
  T value{};
  EXPECT_LE(offset + sizeof(T), payload.size());
  std::memcpy(&value, payload.data() + offset, sizeof(T));
  return value;
}

// A message of 16 bytes of header, and of GetVariable or SetVariable the fields that stock's driver fills in.
Payload variable_message(std::uint64_t function, const abi::Guid& vendor, std::u16string_view name,
                         std::uint64_t data_size) {
  Payload payload;
  put(payload, 0, function);
  put(payload, 8, std::uint64_t{0});
  put(payload, 16, vendor);
  put(payload, 32, data_size);
  put(payload, 40, std::uint64_t{(name.size() + 1) * 2});
  put(payload, 48, std::uint32_t{0});
  std::size_t offset = 52;
  for (const char16_t unit : name) put(payload, std::exchange(offset, offset + 2), unit);
  put(payload, offset, char16_t{0});
  payload.resize(offset + 2 + static_cast<std::size_t>(data_size));
  return payload;
}

ClosedReply answer(Payload& payload, std::uint64_t failure = device_error) {
  return answer_closed(ClosedMessage::variable, closed_question(variables, payload), failure, payload);
}

TEST(ClosedAnswers, MessagesAreKnownByTheirGuids) {
  EXPECT_EQ(closed_message(variables), ClosedMessage::variable);
  // An independent copy of each.
  EXPECT_EQ(closed_message({0xda1b0d11, 0xd1a7, 0x46c4, {0x9d, 0xc9, 0xf3, 0x71, 0x48, 0x75, 0xc6, 0xeb}}),
            ClosedMessage::variable_policy);
  EXPECT_EQ(closed_message({0x2a3cfebd, 0x27e8, 0x4d0a, {0x8b, 0x79, 0xd6, 0x88, 0xc2, 0xa3, 0xe1, 0xc0}}),
            ClosedMessage::lock_box);
  EXPECT_EQ(closed_message(global), ClosedMessage::unknown);
}

TEST(ClosedAnswers, ProtocolsOfVariablesAreOfWhoAnswersForThem) {
  // An independent copy.
  for (const abi::Guid& protocol :
       {variables, abi::Guid{0x93ba1826, 0xdffb, 0x45dd, {0x82, 0xa7, 0xe7, 0xdc, 0xaa, 0x3b, 0xbd, 0xf3}}}) {
    EXPECT_EQ(closed_protocol(protocol), ClosedMessage::variable);
  }
  EXPECT_EQ(closed_protocol(global), ClosedMessage::unknown);
}

TEST(ClosedAnswers, SecureBootIsOnAndSetupModeIsOver) {
  for (const bool secure_boot : {true, false}) {
    const std::u16string_view name = secure_boot ? u"SecureBoot" : u"SetupMode";
    for (const std::uint64_t room : {1U, 2U, 100U}) {
      Payload payload = variable_message(1, global, name, room);
      const ClosedReply reply = answer(payload);
      EXPECT_EQ(reply.status, 0U);
      EXPECT_EQ(reply.size, 52 + (name.size() + 1) * 2 + 1);
      EXPECT_EQ(get<std::uint64_t>(payload, 8), 0U);
      EXPECT_EQ(get<std::uint64_t>(payload, 32), 1U);
      EXPECT_EQ(get<std::uint32_t>(payload, 48), 6U) << "boot service and runtime access";
      EXPECT_EQ(get<std::uint8_t>(payload, 52 + (name.size() + 1) * 2), secure_boot ? 1 : 0);
    }
    // GetEfiGlobalVariable2() asks for the size first.
    Payload payload = variable_message(1, global, name, 0);
    EXPECT_EQ(answer(payload).status, 0U);
    EXPECT_EQ(get<std::uint64_t>(payload, 8), buffer_too_small);
    EXPECT_EQ(get<std::uint64_t>(payload, 32), 1U);
    // Room that the sender says to have and that isn't in the message.
    payload = variable_message(1, global, name, 0);
    put(payload, 32, std::uint64_t{8});
    EXPECT_EQ(answer(payload).status, 0U);
    EXPECT_EQ(get<std::uint64_t>(payload, 8), buffer_too_small);
  }
}

// The handler was stopped in the middle: what it has made of the message doesn't matter.
TEST(ClosedAnswers, WhatWasAskedCountsAndNotWhatTheHandlerLeft) {
  Payload payload = variable_message(1, global, u"SecureBoot", 1);
  const ClosedQuestion question = closed_question(variables, payload);
  std::memset(payload.data(), 0xEE, payload.size());
  EXPECT_EQ(answer_closed(ClosedMessage::variable, question, device_error, payload).status, 0U);
  EXPECT_EQ(get<std::uint64_t>(payload, 8), 0U);
  EXPECT_EQ(get<std::uint64_t>(payload, 32), 1U);
  EXPECT_EQ(get<std::uint8_t>(payload, 74), 1);
}

TEST(ClosedAnswers, NothingElseIsAnsweredAndNothingIsMerelyAbsent) {
  const auto expect_error = [](Payload payload, std::uint64_t failure, std::uint64_t expected) {
    Payload before = payload;
    const ClosedReply reply = answer(payload, failure);
    EXPECT_EQ(reply.status, 0U) << "MM has answered; the error is where the sender looks";
    EXPECT_EQ(reply.size, 16U) << "nothing of what a handler left goes back";
    EXPECT_EQ(get<std::uint64_t>(payload, 8), expected);
    put(before, 8, expected);
    EXPECT_EQ(payload, before);
  };
  for (std::uint64_t function = 0; function < 20; ++function) {
    if (function == 11) continue;
    for (const std::u16string_view name : {u"dbx", u"SecureBoot", u"SetupMode", u"securebooT", u"SetupMod"}) {
      if (function != 1 || (name != u"SecureBoot" && name != u"SetupMode")) {
        expect_error(variable_message(function, global, name, 8), device_error, device_error);
      }
      expect_error(variable_message(function, database, name, 8), device_error, device_error);
    }
  }
  expect_error(variable_message(1, database, u"dbx", 0), not_found, device_error);
  expect_error(variable_message(1, database, u"dbx", 0), 0, device_error);
  expect_error(variable_message(3, global, u"SecureBoot", 1), timeout, timeout);
}

TEST(ClosedAnswers, StockDxeGetsABufferThatItCanLiveWith) {
  Payload payload(24);
  put(payload, 0, std::uint64_t{11});
  put(payload, 8, not_found);
  EXPECT_EQ(answer(payload).size, 24U);
  EXPECT_EQ(get<std::uint64_t>(payload, 8), 0U);
  EXPECT_EQ(get<std::uint64_t>(payload, 16), 0x9000U);
  payload.resize(23);
  EXPECT_EQ(answer(payload).size, 16U);
  EXPECT_EQ(get<std::uint64_t>(payload, 8), device_error);
}

TEST(ClosedAnswers, PoliciesAndLockBoxesFailInTheirOwnFields) {
  Payload policies(20 + 8, std::byte{7});
  EXPECT_EQ(answer_closed(ClosedMessage::variable_policy, {}, aborted, policies).size, 20U);
  EXPECT_EQ(get<std::uint64_t>(policies, 12), aborted);
  Payload box(16 + 40, std::byte{0});
  EXPECT_EQ(answer_closed(ClosedMessage::lock_box, {}, not_found, box).size, 16U);
  EXPECT_EQ(get<std::uint64_t>(box, 8), device_error);
}

// A handler may write nothing and say that it has answered: then an error stands where its sender looks.
TEST(ClosedAnswers, AHandlerBeginsWithAnError) {
  for (const ClosedMessage message :
       {ClosedMessage::variable, ClosedMessage::variable_policy, ClosedMessage::lock_box}) {
    const StatusPlace place = status_place(message);
    Payload payload(place.header_size, std::byte{0});
    EXPECT_TRUE(expect_answer(message, payload));
    EXPECT_EQ(get<std::uint64_t>(payload, place.offset), device_error);
    Payload cut(place.header_size - 1, std::byte{0});
    EXPECT_FALSE(expect_answer(message, cut));
    EXPECT_EQ(cut, Payload(place.header_size - 1, std::byte{0}));
  }
}

// A sender who doesn't look at what Communicate() returns finds no 0 anywhere.
TEST(ClosedAnswers, OtherMessagesAreOverwritten) {
  for (const std::uint64_t failure : {device_error, not_found, aborted}) {
    Payload payload(33);
    const ClosedReply reply = answer_closed(ClosedMessage::unknown, {}, failure, payload);
    EXPECT_EQ(reply.status, failure);
    EXPECT_EQ(reply.size, payload.size());
    EXPECT_EQ(payload, Payload(33, std::byte{0xFF}));
  }
  for (const std::uint64_t failure : {not_ready, timeout}) {
    Payload payload(33, std::byte{1});
    EXPECT_EQ(answer_closed(ClosedMessage::unknown, {}, failure, payload).status, failure);
    EXPECT_EQ(payload, Payload(33, std::byte{1})) << "the sender sends it again";
  }
}

TEST(ClosedAnswers, MessagesOfAnyLength) {
  const Payload whole = variable_message(1, global, u"SecureBoot", 4);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    for (const ClosedMessage message :
         {ClosedMessage::unknown, ClosedMessage::variable, ClosedMessage::variable_policy, ClosedMessage::lock_box}) {
      Payload payload(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const ClosedReply reply = answer_closed(message, closed_question(variables, payload), device_error, payload);
      EXPECT_LE(reply.size, size);
      const bool complete = message == ClosedMessage::variable && size >= 75;
      if (size >= 20 && message == ClosedMessage::variable && !complete) {
        EXPECT_NE(get<std::uint64_t>(payload, 8) >> 63, 0U) << size;
      }
      // The question of a longer message, as after a fault; the payload has always the size that it had.
      static_cast<void>(answer_closed(message, closed_question(variables, whole), device_error, payload));
    }
  }
}

}  // namespace
}  // namespace redoubt::policy
