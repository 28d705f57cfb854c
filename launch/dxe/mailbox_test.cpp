// SPDX-License-Identifier: BSD-2-Clause-Patent
// The mailbox against a stand-in for MM: what is in the buffer when the MMI comes, what the caller gets, and what
// becomes of a message without an answer.
#include "launch/dxe/mailbox.hpp"
#include "abi/pi/communication_protocols.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <vector>

#include "launch/dxe/machine.hpp"

namespace redoubt::launch::dxe {
namespace {
std::function<void()> management_mode;
std::function<void()> on_wait;
int interrupts_off_depth = 0;
}  // namespace

void raise_mmi() {
  EXPECT_EQ(interrupts_off_depth, 1);
  if (management_mode) management_mode();
}
void wait_a_moment() {
  if (on_wait) on_wait();
}
InterruptsOff::InterruptsOff() : flags_(0) { ++interrupts_off_depth; }
InterruptsOff::~InterruptsOff() { --interrupts_off_depth; }

namespace {

using abi::CommBufferStatus;
using abi::CommunicateHeader;
using abi::UintN;

constexpr abi::Guid handler = {0xaaaaaaaa, 0xbbbb, 0xcccc, {1, 2, 3, 4, 5, 6, 7, 8}};

struct alignas(4096) Pages {
  std::byte bytes[2 * 4096];
};

class MailboxTest : public testing::Test {
 protected:
  void SetUp() override {
    management_mode = nullptr;
    on_wait = nullptr;
    ASSERT_TRUE(mailbox_.open(
        {reinterpret_cast<std::uint64_t>(pages_->bytes), 2, reinterpret_cast<std::uint64_t>(status_.get())}));
  }
  void TearDown() override {
    EXPECT_EQ(interrupts_off_depth, 0);
    management_mode = nullptr;
    on_wait = nullptr;
  }

  void answer(abi::EfiStatus status, std::uint64_t size) {
    EXPECT_EQ(status_->is_comm_buffer_valid, 1);
    status_->return_status = status;
    status_->return_buffer_size = size;
    status_->is_comm_buffer_valid = 0;
  }

  static std::vector<std::byte> message(std::uint64_t length) {
    std::vector<std::byte> bytes(sizeof(CommunicateHeader) + length, std::byte{0x5A});
    const CommunicateHeader header{handler, length};
    std::memcpy(bytes.data(), &header, sizeof(header));
    return bytes;
  }

  std::unique_ptr<Pages> pages_ = std::make_unique<Pages>();
  std::unique_ptr<CommBufferStatus> status_ = std::make_unique<CommBufferStatus>();
  Mailbox mailbox_;
};

TEST_F(MailboxTest, CarriesAMessageAndItsReply) {
  auto buffer = message(16);
  const auto sent = buffer;
  management_mode = [&] {
    EXPECT_EQ(std::memcmp(pages_->bytes, sent.data(), sent.size()), 0);
    std::memset(pages_->bytes + 24, 0x77, 8);
    answer(abi::status::success, 32);
  };
  UintN size = buffer.size();
  EXPECT_EQ(mailbox_.communicate(buffer.data(), &size, HeaderRule::any), abi::status::success);
  EXPECT_EQ(size, 32U);
  EXPECT_EQ(buffer[24], std::byte{0x77});
  EXPECT_EQ(buffer[31], std::byte{0x77});
  EXPECT_EQ(buffer[32], std::byte{0x5A});
}

TEST_F(MailboxTest, ReturnsTheStatusOfMm) {
  auto buffer = message(16);
  management_mode = [&] { answer(abi::status::not_found, 40); };
  EXPECT_EQ(mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any), abi::status::not_found);
}

TEST_F(MailboxTest, BoundsTheReplyByTheCallersBuffer) {
  for (const std::uint64_t reply :
       {std::uint64_t{41}, std::uint64_t{0x2000}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    auto buffer = message(16);
    UintN size = buffer.size();
    management_mode = [&] { answer(abi::status::success, reply); };
    EXPECT_EQ(mailbox_.communicate(buffer.data(), &size, HeaderRule::any), abi::status::buffer_too_small);
    EXPECT_EQ(size, 40U);
    management_mode = [&] { answer(abi::status::device_error, reply); };
    EXPECT_EQ(mailbox_.communicate(buffer.data(), &size, HeaderRule::any), abi::status::device_error);
  }
}

TEST_F(MailboxTest, BoundsTheReplyByTheCommunicationBuffer) {
  auto buffer = message(16);
  buffer.resize(std::size_t{3} * 4096);
  UintN size = buffer.size();
  management_mode = [&] { answer(abi::status::success, ~std::uint64_t{0}); };
  mailbox_.communicate(buffer.data(), &size, HeaderRule::any);
  EXPECT_EQ(size, 2U * 4096);
}

// The header is the caller's own, whatever stands in the communication buffer meanwhile.
TEST_F(MailboxTest, AnAnswerWithoutPayloadBringsNothingBack) {
  auto buffer = message(16);
  const auto sent = buffer;
  management_mode = [&] {
    std::memset(pages_->bytes, 0xA5, sizeof(CommunicateHeader));
    answer(abi::status::success, sizeof(CommunicateHeader));
  };
  UintN size = buffer.size();
  EXPECT_EQ(mailbox_.communicate(buffer.data(), &size, HeaderRule::any), abi::status::success);
  EXPECT_EQ(size, sizeof(CommunicateHeader));
  EXPECT_EQ(buffer, sent);
}

TEST_F(MailboxTest, WorksInPlace) {
  const auto sent = message(16);
  std::memcpy(pages_->bytes, sent.data(), sent.size());
  management_mode = [&] { answer(abi::status::success, 40); };
  UintN size = sent.size();
  EXPECT_EQ(mailbox_.communicate(pages_->bytes, &size, HeaderRule::any), abi::status::success);
}

TEST_F(MailboxTest, RefusesWhileAMessageIsOnItsWay) {
  auto buffer = message(16);
  status_->is_comm_buffer_valid = 1;
  management_mode = [] { FAIL(); };
  EXPECT_EQ(mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any), abi::status::not_ready);
  EXPECT_EQ(status_->is_comm_buffer_valid, 1);

  // And again: the refusal itself must not leave the mailbox locked.
  status_->is_comm_buffer_valid = 0;
  management_mode = [&] { answer(abi::status::success, 40); };
  EXPECT_EQ(mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any), abi::status::success);
}

TEST_F(MailboxTest, RefusesASecondCpu) {
  auto buffer = message(16);
  auto second = message(8);
  management_mode = [&] {
    interrupts_off_depth = 0;  // the other CPU's
    EXPECT_EQ(mailbox_.communicate(second.data(), nullptr, HeaderRule::any), abi::status::not_ready);
    interrupts_off_depth = 1;
    answer(abi::status::success, 40);
  };
  EXPECT_EQ(mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any), abi::status::success);
}

TEST_F(MailboxTest, WaitsForAnMmiThatComesLate) {
  auto buffer = message(16);
  int waits = 0;
  on_wait = [&] {
    if (++waits == 1000) answer(abi::status::success, 40);
  };
  EXPECT_EQ(mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any), abi::status::success);
}

TEST_F(MailboxTest, RaisesALostMmiAgain) {
  auto buffer = message(16);
  int mmis = 0;
  management_mode = [&] {
    if (++mmis == 3) answer(abi::status::success, 40);
  };
  EXPECT_EQ(mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any), abi::status::success);
}

TEST_F(MailboxTest, TakesAnUnansweredMessageBack) {
  auto buffer = message(16);
  EXPECT_EQ(mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any), abi::status::timeout);
  EXPECT_EQ(status_->is_comm_buffer_valid, 0);
  management_mode = [&] { answer(abi::status::success, 40); };
  EXPECT_EQ(mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any), abi::status::success);
}

// What stock VariableSmmRuntimeDxe does: it looks at the status in its own buffer alone, where 0 stands.
class ClosedMailboxTest : public MailboxTest {
 protected:
  static std::vector<std::byte> set_variable() {
    std::vector<std::byte> bytes(24 + 16 + 36 + 4 + 1);
    const CommunicateHeader header{abi::smm_variable_guid, bytes.size() - 24};
    std::memcpy(bytes.data(), &header, sizeof(header));
    bytes[24] = std::byte{3};
    return bytes;
  }
  static std::uint64_t status_in(const std::vector<std::byte>& bytes) {
    std::uint64_t status = 0;
    std::memcpy(&status, bytes.data() + 24 + 8, sizeof(status));
    return status;
  }
};

TEST_F(ClosedMailboxTest, AnErrorIsWhereTheSenderLooks) {
  auto buffer = set_variable();
  UintN size = buffer.size();
  mailbox_.communicate(buffer.data(), &size, HeaderRule::any);
  EXPECT_EQ(status_in(buffer), abi::status::timeout) << "nobody answered";

  buffer = set_variable();
  status_->is_comm_buffer_valid = 1;
  mailbox_.communicate(buffer.data(), &size, HeaderRule::any);
  EXPECT_EQ(status_in(buffer), abi::status::not_ready);
  status_->is_comm_buffer_valid = 0;

  for (const std::uint64_t reply : {0U, 24U}) {
    buffer = set_variable();
    size = buffer.size();
    management_mode = [&] { answer(abi::status::not_found, reply); };
    mailbox_.communicate(buffer.data(), &size, HeaderRule::any);
    EXPECT_EQ(status_in(buffer), abi::status::device_error) << "not found would be taken for there is none";
  }
  buffer = set_variable();
  auto second = set_variable();
  management_mode = [&] {
    interrupts_off_depth = 0;  // the other CPU's
    mailbox_.communicate(second.data(), nullptr, HeaderRule::any);
    interrupts_off_depth = 1;
    answer(abi::status::success, 40);
  };
  mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any);
  EXPECT_EQ(status_in(second), abi::status::not_ready);
  EXPECT_EQ(status_in(buffer), 0U);
}

TEST_F(ClosedMailboxTest, AMessageOfAWrongSizeIsNoSuccessEither) {
  management_mode = [] { ADD_FAILURE() << "MM was asked"; };
  auto buffer = set_variable();
  UintN size = buffer.size() - 1;  // less than the header declares
  EXPECT_EQ(mailbox_.communicate(buffer.data(), &size, HeaderRule::any), abi::status::invalid_parameter);
  EXPECT_EQ(status_in(buffer), abi::status::invalid_parameter);

  for (const bool with_size : {true, false}) {
    buffer = set_variable();
    buffer.resize(3 * 4096);  // more than the communication buffer holds
    const CommunicateHeader header{abi::smm_variable_guid, buffer.size() - 24};
    std::memcpy(buffer.data(), &header, sizeof(header));
    size = buffer.size();
    EXPECT_EQ(mailbox_.communicate(buffer.data(), with_size ? &size : nullptr, HeaderRule::any),
              abi::status::bad_buffer_size);
    EXPECT_EQ(status_in(buffer), abi::status::bad_buffer_size);
  }
  // Whose payload has no room for a status, or isn't known, stays as it is.
  buffer = set_variable();
  size = 24 + 15;
  mailbox_.communicate(buffer.data(), &size, HeaderRule::any);
  EXPECT_EQ(status_in(buffer), 0U);
  buffer = message(16);
  size = 39;
  mailbox_.communicate(buffer.data(), &size, HeaderRule::any);
  EXPECT_EQ(buffer, message(16));
}

TEST_F(ClosedMailboxTest, WhatMmAnsweredStands) {
  auto buffer = set_variable();
  management_mode = [&] {
    std::memset(pages_->bytes + 24 + 8, 0x66, 8);
    answer(abi::status::device_error, 40);
  };
  UintN size = buffer.size();
  EXPECT_EQ(mailbox_.communicate(buffer.data(), &size, HeaderRule::any), abi::status::device_error);
  EXPECT_EQ(status_in(buffer), 0x6666'6666'6666'6666U);
}

TEST_F(ClosedMailboxTest, TheBufferOfAMessageOnItsWayIsLeftAlone) {
  const auto sent = set_variable();
  std::memcpy(pages_->bytes, sent.data(), sent.size());
  status_->is_comm_buffer_valid = 1;
  EXPECT_EQ(mailbox_.communicate(pages_->bytes, nullptr, HeaderRule::any), abi::status::not_ready);
  EXPECT_EQ(std::memcmp(pages_->bytes, sent.data(), sent.size()), 0);
}

TEST_F(ClosedMailboxTest, OtherMessagesShowNoZero) {
  auto buffer = message(16);
  management_mode = [&] { answer(abi::status::device_error, 0); };
  mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any);
  EXPECT_EQ(buffer[24], std::byte{0xFF});
  EXPECT_EQ(buffer[39], std::byte{0xFF});
  // The sender tries again with the same bytes.
  management_mode = nullptr;
  buffer = message(16);
  EXPECT_EQ(mailbox_.communicate(buffer.data(), nullptr, HeaderRule::any), abi::status::timeout);
  EXPECT_EQ(buffer, message(16));
}

TEST(Mailbox, StaysClosedOnADescriptionThatCannotBe) {
  const abi::CommBufferDescription wrong[] = {
      {0, 1, 8},      {0x1000, 0, 8},     {0x1001, 1, 8},          {0x1000, 1, 0},
      {0x1000, 1, 4}, {0x1000, ~0ULL, 8}, {0x1000, 1ULL << 52, 8}, {~0ULL << 12, 2, 8},
  };
  for (const auto& description : wrong) {
    Mailbox mailbox;
    EXPECT_FALSE(mailbox.open(description));
    CommunicateHeader header{handler, 0};
    UintN size = sizeof(header);
    EXPECT_EQ(mailbox.communicate(&header, &size, HeaderRule::any), abi::status::not_started);
  }
}

}  // namespace
}  // namespace redoubt::launch::dxe
