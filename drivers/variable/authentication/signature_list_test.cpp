// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/signature_list.hpp"
#include "abi/uefi/signatures.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "drivers/variable/authentication/test_signing.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

ByteVector digest(char fill) { return bytes(std::string(32, fill)); }

ByteVector appended(const ByteVector& present, const ByteVector& more) {
  ByteVector merged(most_after_append(present, more));
  merged.resize(append_new_signatures(present, more, merged));
  return merged;
}

TEST(SignatureList, SizesAreChecked) {
  const ByteVector list = signature_list(abi::signature_type::sha256, {digest('a'), digest('b')});
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

// An independent copy of UEFI 2.10, 32.4.1: the one size of each type, whose digests and keys have a size at all.
TEST(SignatureList, TypesHaveTheSizesOfTheSpecification) {
  constexpr std::pair<abi::Guid, std::size_t> types[] = {
      {{0x826ca512, 0xcf10, 0x4ac9, {0xb1, 0x87, 0xbe, 0x01, 0x49, 0x66, 0x31, 0xbd}}, 20},
      {{0x3c5766e8, 0x269c, 0x4e34, {0xaa, 0x14, 0xed, 0x77, 0x6e, 0x85, 0xb3, 0xb6}}, 256},
      {{0xe2b36190, 0x879b, 0x4a3d, {0xad, 0x8d, 0xf2, 0xe7, 0xbb, 0xa3, 0x27, 0x84}}, 256},
      {{0x67f8444f, 0x8743, 0x48f1, {0xa3, 0x28, 0x1e, 0xaa, 0xb8, 0x73, 0x60, 0x80}}, 256},
      {{0x0b6e5233, 0xa65c, 0x44c9, {0x94, 0x07, 0xd9, 0xab, 0x83, 0xbf, 0xc8, 0xbd}}, 28},
      {{0xff3e5307, 0x9fd0, 0x48c9, {0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e, 0x01}}, 48},
      {{0x093e0fae, 0xa6c4, 0x4f50, {0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1, 0x9a}}, 64},
      {{0x3bd2a492, 0x96c0, 0x4079, {0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed}}, 32 + 16},
      {{0x7076876e, 0x80c2, 0x4ee6, {0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86, 0x5b}}, 48 + 16},
      {{0x446dbf63, 0x2502, 0x4cda, {0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe, 0x9d}}, 64 + 16},
      {{0x57347f87, 0x7a9b, 0x403a, {0xb9, 0x3c, 0xdc, 0x4a, 0xfb, 0x7a, 0x0e, 0xbc}}, 32},
      {{0x60d807e5, 0x10b4, 0x49a9, {0x93, 0x31, 0xe4, 0x04, 0x37, 0x88, 0x8d, 0x37}}, 32 + 16},
      {{0x452e8ced, 0xdfff, 0x4b8c, {0xae, 0x01, 0x51, 0x18, 0x86, 0x2e, 0x68, 0x2c}}, 1},
  };
  for (const auto& [type, size] : types) {
    for (const std::size_t other : {size, size + 1, size - 1}) {
      const ByteVector list = signature_list(type, {ByteVector(other), ByteVector(other)});
      EXPECT_EQ(check_signature_database(list).has_value(), other == size) << std::hex << type.data1 << ' ' << other;
    }
  }
}

TEST(SignatureList, AppendingLeavesOutWhatIsThere) {
  const ByteVector a = signature_list(abi::signature_type::sha256, {digest('a')});
  const ByteVector ab = signature_list(abi::signature_type::sha256, {digest('a'), digest('b')});
  const ByteVector b = signature_list(abi::signature_type::sha256, {digest('b')});
  const ByteVector certificate = signature_list(abi::signature_type::x509, {digest('a')});
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
  const ByteVector other_owner = signature_list(abi::signature_type::sha256, {digest('a')}, vendor_b);
  expected = a;
  append(expected, other_owner);
  EXPECT_EQ(appended(a, other_owner), expected);
}

}  // namespace
}  // namespace redoubt::variable
