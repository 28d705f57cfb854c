// SPDX-License-Identifier: BSD-2-Clause-Patent
// Every size that a caller can get wrong, at its boundaries. Buffers are exactly as long as the contract of
// check_message() says they must be, so that the address sanitizer sees a read too far.
#include "launch/dxe/message_check.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "abi/pi/communicate.hpp"

namespace redoubt::launch::dxe {
namespace {

using abi::CommunicateHeader;
using abi::CommunicateHeaderV3;
using abi::UintN;

constexpr std::uint64_t capacity = 0x2000;
constexpr abi::Guid handler = {0xaaaaaaaa, 0xbbbb, 0xcccc, {1, 2, 3, 4, 5, 6, 7, 8}};
constexpr std::uint64_t wrapping[] = {1ULL << 31, 1ULL << 63, ~0ULL,      ~0ULL - 7,  ~0ULL - 23,
                                      ~0ULL - 24, ~0ULL - 55, ~0ULL - 63, ~0ULL << 12};

template <typename Header>
std::vector<std::byte> bytes_of(const Header& header) {
  std::vector<std::byte> bytes(sizeof(header));
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

std::vector<std::byte> version_1(std::uint64_t length) { return bytes_of(CommunicateHeader{handler, length}); }

std::vector<std::byte> version_3(std::uint64_t buffer_size, std::uint64_t message_size) {
  return bytes_of(CommunicateHeaderV3{abi::communicate_header_v3_guid, buffer_size, 0, handler, message_size});
}

std::uint64_t field(const std::vector<std::byte>& bytes, std::size_t offset) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

TEST(MessageCheck, RefusesNull) {
  UintN size = 100;
  EXPECT_EQ(check_message(nullptr, &size, HeaderRule::any, capacity).status, abi::status::invalid_parameter);
  EXPECT_EQ(check_message(nullptr, nullptr, HeaderRule::version_3, capacity).status, abi::status::invalid_parameter);
}

TEST(MessageCheck, AnswersAQueryForTheSize) {
  UintN size = 0;
  std::byte nothing{};
  EXPECT_EQ(check_message(&nothing, &size, HeaderRule::any, capacity).status, abi::status::bad_buffer_size);
  EXPECT_EQ(size, capacity);

  auto message = version_1(0);
  EXPECT_EQ(check_message(message.data(), nullptr, HeaderRule::any, capacity).status, abi::status::bad_buffer_size);
  EXPECT_EQ(field(message, 16), capacity - 24);

  auto message_3 = version_3(56, 0);
  EXPECT_EQ(check_message(message_3.data(), nullptr, HeaderRule::version_3, capacity).status,
            abi::status::bad_buffer_size);
  EXPECT_EQ(field(message_3, 48), capacity - 56);
}

TEST(MessageCheck, AMessageWithoutDataIsAMessage) {
  auto message = version_1(0);
  UintN size = 24;
  const auto check = check_message(message.data(), &size, HeaderRule::any, capacity);
  EXPECT_EQ(check.status, abi::status::success);
  EXPECT_EQ(check.message_size, 24U);
  EXPECT_EQ(check.reply_capacity, 24U);
}

TEST(MessageCheck, TakesLengthsUpToTheCapacity) {
  for (const std::uint64_t length : {std::uint64_t{1}, std::uint64_t{64}, capacity - 24}) {
    auto message = version_1(length);
    const auto check = check_message(message.data(), nullptr, HeaderRule::any, capacity);
    EXPECT_EQ(check.status, abi::status::success);
    EXPECT_EQ(check.message_size, 24 + length);
    EXPECT_EQ(check.reply_capacity, 24 + length);
  }
  auto message = version_1(capacity - 23);
  EXPECT_EQ(check_message(message.data(), nullptr, HeaderRule::any, capacity).status, abi::status::bad_buffer_size);
  EXPECT_EQ(field(message, 16), capacity - 24);
}

TEST(MessageCheck, LengthsThatWrapAreTooLarge) {
  for (const std::uint64_t length : wrapping) {
    auto message = version_1(length);
    EXPECT_EQ(check_message(message.data(), nullptr, HeaderRule::any, capacity).status, abi::status::bad_buffer_size);
    EXPECT_EQ(field(message, 16), capacity - 24);

    message = version_1(length);
    UintN size = 24 + length;  // wraps to what a sum would give
    const auto status = check_message(message.data(), &size, HeaderRule::any, capacity).status;
    EXPECT_TRUE(status == abi::status::bad_buffer_size || status == abi::status::invalid_parameter);
  }
}

TEST(MessageCheck, SizeMustReachTheEndOfTheMessage) {
  for (UintN size = 1; size != 24 + 16; ++size) {
    auto message = version_1(16);
    UintN given = size;
    message.resize(std::max<std::size_t>(1, std::min<std::size_t>(size, 24)));
    EXPECT_EQ(check_message(message.data(), &given, HeaderRule::any, capacity).status, abi::status::invalid_parameter);
    EXPECT_EQ(given, size);
  }
  for (const UintN size : {UintN{40}, UintN{41}, UintN{capacity}, UintN{capacity} * 4, ~UintN{0}}) {
    auto message = version_1(16);
    UintN given = size;
    const auto check = check_message(message.data(), &given, HeaderRule::any, capacity);
    EXPECT_EQ(check.status, abi::status::success);
    EXPECT_EQ(check.message_size, 40U);
    EXPECT_EQ(check.reply_capacity, size);
  }
}

TEST(MessageCheck, Version3CarriesItsWholeBuffer) {
  auto message = version_3(100, 20);
  auto check = check_message(message.data(), nullptr, HeaderRule::version_3, capacity);
  EXPECT_EQ(check.status, abi::status::success);
  EXPECT_EQ(check.message_size, 100U);
  EXPECT_EQ(check.reply_capacity, 100U);

  UintN size = 100;
  check = check_message(message.data(), &size, HeaderRule::any, capacity);
  EXPECT_EQ(check.status, abi::status::success);
  size = 99;
  check = check_message(message.data(), &size, HeaderRule::any, capacity);
  EXPECT_EQ(check.status, abi::status::invalid_parameter);
  size = 55;
  check = check_message(message.data(), &size, HeaderRule::any, capacity);
  EXPECT_EQ(check.status, abi::status::invalid_parameter);
}

TEST(MessageCheck, Version3SizesMustAgree) {
  for (std::uint64_t buffer_size = 0; buffer_size != 57; ++buffer_size) {
    auto message = version_3(buffer_size, 1);
    EXPECT_EQ(check_message(message.data(), nullptr, HeaderRule::version_3, capacity).status,
              abi::status::invalid_parameter);
  }
  for (const std::uint64_t size : wrapping) {
    auto message = version_3(100, size);  // 56 + size wraps for some
    EXPECT_EQ(check_message(message.data(), nullptr, HeaderRule::version_3, capacity).status,
              abi::status::invalid_parameter);
    message = version_3(size, 44);
    EXPECT_EQ(check_message(message.data(), nullptr, HeaderRule::version_3, capacity).status,
              abi::status::bad_buffer_size);
    EXPECT_EQ(field(message, 48), capacity - 56);
  }
}

TEST(MessageCheck, EachProtocolTakesItsHeader) {
  auto message = version_1(16);
  EXPECT_EQ(check_message(message.data(), nullptr, HeaderRule::version_3, capacity).status,
            abi::status::invalid_parameter);
}

}  // namespace
}  // namespace redoubt::launch::dxe
