// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/descriptor.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "drivers/variable/authentication/test_signing.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

TEST(Descriptor, WhatEfitoolsMakes) {
  const ByteVector data = fixture("enrol_pk.auth");
  const Result<Descriptor> descriptor = parse_descriptor(data);
  ASSERT_TRUE(descriptor.has_value());
  EXPECT_TRUE(descriptor->is_pkcs7);
  EXPECT_EQ(descriptor->time_stamp, (abi::Time{2026, 11, 1, 10, 0, 0, 0, 0, 0, 0, 0}));
  // A list of one certificate: header of 28 bytes, owner of 16, certificate.
  EXPECT_EQ(descriptor->payload.size(), 44 + fixture("pk.crt").size());
  EXPECT_EQ(descriptor->certificate.size(), data.size() - 40 - descriptor->payload.size());
}

TEST(Descriptor, EveryTruncationOfItIsRefused) {
  const ByteVector data = Signer::described({}, bytes("certificate"), {});
  for (std::size_t size = 0; size < data.size(); ++size) {
    EXPECT_FALSE(parse_descriptor(Bytes(data).first(size)).has_value()) << size;
  }
  EXPECT_TRUE(parse_descriptor(data).has_value());
}

TEST(Descriptor, LengthsAndTypes) {
  ByteVector data = Signer::described({}, bytes("certificate"), bytes("payload"));
  EXPECT_TRUE(std::ranges::equal(parse_descriptor(data)->certificate, bytes("certificate")));
  EXPECT_TRUE(std::ranges::equal(parse_descriptor(data)->payload, bytes("payload")));
  for (const unsigned length : {0U, 23U, 43U, 255U}) {
    data[16] = static_cast<std::byte>(length);
    EXPECT_FALSE(parse_descriptor(data).has_value()) << length;
  }
  data[16] = std::byte{24};
  EXPECT_TRUE(parse_descriptor(data)->certificate.empty());
  data[22] ^= std::byte{1};  // the type
  EXPECT_FALSE(parse_descriptor(data)->is_pkcs7);
  data[22] ^= std::byte{1};
  data[30] ^= std::byte{1};  // the GUID
  EXPECT_FALSE(parse_descriptor(data)->is_pkcs7);
}

TEST(Descriptor, WhatShallBeZeroIs) {
  for (const std::size_t offset : {7U, 8U, 11U, 12U, 13U, 14U, 15U}) {
    ByteVector data = Signer::described({}, bytes("certificate"), {});
    data[offset] = std::byte{1};
    EXPECT_FALSE(parse_descriptor(data).has_value()) << offset;
  }
}

TEST(Descriptor, OrderOfTime) {
  const abi::Time base{2026, 6, 15, 12, 30, 30, 0, 0, 0, 0, 0};
  EXPECT_FALSE(is_later(base, base));
  const abi::Time later[] = {{2027, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0},    {2026, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0},
                             {2026, 6, 16, 0, 0, 0, 0, 0, 0, 0, 0},   {2026, 6, 15, 13, 0, 0, 0, 0, 0, 0, 0},
                             {2026, 6, 15, 12, 31, 0, 0, 0, 0, 0, 0}, {2026, 6, 15, 12, 30, 31, 0, 0, 0, 0, 0}};
  for (const abi::Time& time : later) {
    EXPECT_TRUE(is_later(time, base)) << time.year;
    EXPECT_FALSE(is_later(base, time)) << time.year;
  }
}

}  // namespace
}  // namespace redoubt::variable
