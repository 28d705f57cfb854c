// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/signature_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "drivers/variable/authentication/test_signing.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

constexpr abi::Guid sha256_guid = {0xc1c41626, 0x504c, 0x4092, {0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28}};

ByteVector digest(char fill) { return bytes(std::string(32, fill)); }

ByteVector appended(const ByteVector& present, const ByteVector& more) {
  ByteVector merged(most_after_append(present, more));
  merged.resize(append_new_signatures(present, more, merged));
  return merged;
}

TEST(SignatureList, SizesAreChecked) {
  const ByteVector list = signature_list(sha256_guid, {digest('a'), digest('b')});
  EXPECT_TRUE(check_signature_database(list).has_value());
  EXPECT_FALSE(check_signature_database({}).has_value());
  for (std::size_t size = 1; size < list.size(); ++size) {
    EXPECT_FALSE(check_signature_database(Bytes(list).first(size)).has_value()) << size;
  }
  const auto changed = [&](std::size_t offset, std::uint32_t value) {
    ByteVector copy = list;
    std::memcpy(copy.data() + offset, &value, sizeof(value));
    return copy;
  };
  for (const std::uint32_t size : {0U, 27U, 28U, 75U, 77U, 123U, 125U, 0xFFFFFFFFU}) {
    EXPECT_FALSE(check_signature_database(changed(16, size)).has_value()) << "list of " << size;
  }
  for (const std::uint32_t size : {1U, 48U, 96U, 0xFFFFFFFFU}) {
    EXPECT_FALSE(check_signature_database(changed(20, size)).has_value()) << "header of " << size;
  }
  for (const std::uint32_t size : {0U, 16U, 17U, 24U, 47U, 96U, 0xFFFFFFFFU}) {
    EXPECT_FALSE(check_signature_database(changed(24, size)).has_value()) << "signature of " << size;
  }
  EXPECT_FALSE(check_signature_database(changed(0, 1)).has_value()) << "type";
  ByteVector two = list;
  append(two, list);
  EXPECT_TRUE(check_signature_database(two).has_value());
  two.push_back(std::byte{0});
  EXPECT_FALSE(check_signature_database(two).has_value());
}

TEST(SignatureList, AppendingLeavesOutWhatIsThere) {
  const ByteVector a = signature_list(sha256_guid, {digest('a')});
  const ByteVector ab = signature_list(sha256_guid, {digest('a'), digest('b')});
  const ByteVector b = signature_list(sha256_guid, {digest('b')});
  const ByteVector certificate = signature_list(x509_signature_guid, {digest('a')});
  EXPECT_EQ(appended(a, a), a);
  EXPECT_EQ(appended(ab, a), ab);
  EXPECT_EQ(appended(ab, b), ab);
  ByteVector expected = a;
  append(expected, b);
  EXPECT_EQ(appended(a, ab), expected);
  EXPECT_EQ(appended(a, b), expected);
  EXPECT_TRUE(check_signature_database(appended(a, ab)).has_value());
  expected = a;
  append(expected, certificate);
  EXPECT_EQ(appended(a, certificate), expected) << "the same bytes of another type";
  EXPECT_EQ(appended({}, ab), ab);
  ByteVector more = a;
  append(more, certificate);
  append(more, b);
  expected = ab;
  append(expected, certificate);
  EXPECT_EQ(appended(ab, more), expected) << "the list in the middle";
  // The owner is part of a signature.
  const ByteVector other_owner = signature_list(sha256_guid, {digest('a')}, vendor_b);
  expected = a;
  append(expected, other_owner);
  EXPECT_EQ(appended(a, other_owner), expected);
}

}  // namespace
}  // namespace redoubt::variable
