// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/signature.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "drivers/variable/authentication/library_memory.hpp"
#include "drivers/variable/authentication/test_signing.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

const ByteVector content = bytes("what is signed\n");

class SignatureTest : public testing::Test {
 protected:
  HeapAllocator allocator;
  LibraryMemoryScope scope{allocator};
};

// What a message proves about `content` to a reader who trusts `anchor`.
enum class Outcome { unreadable, forged, untrusted, trusted };
Outcome outcome(const ByteVector& message, const std::string& anchor, Bytes signed_content = content) {
  Signature signature;
  if (!signature.read(message).has_value()) {
    return Outcome::unreadable;
  }
  if (!signature.verify({{signed_content}}).has_value()) {
    return Outcome::forged;
  }
  return signature.leads_to(fixture(anchor + ".crt")) ? Outcome::trusted : Outcome::untrusted;
}

TEST_F(SignatureTest, OfOpenSslForItsOwnCertificate) {
  for (const char* name : {"plain.p7", "attributes.p7", "sha384.p7", "sha512.p7"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(outcome(fixture(name), "pk"), Outcome::trusted);
    EXPECT_EQ(outcome(fixture(name), "pk", bytes("what is signeD\n")), Outcome::forged);
    EXPECT_EQ(outcome(fixture(name), "pk", bytes("")), Outcome::forged);
    EXPECT_EQ(outcome(fixture(name), "pk2"), Outcome::untrusted);
    EXPECT_EQ(outcome(fixture(name), "forgery"), Outcome::untrusted);
  }
}

TEST_F(SignatureTest, Chains) {
  // In any order: DER sorts a SET.
  EXPECT_EQ(outcome(fixture("chain.p7"), "kek"), Outcome::trusted);
  EXPECT_EQ(outcome(fixture("chain_reversed.p7"), "kek"), Outcome::trusted);
  EXPECT_EQ(outcome(fixture("chain.p7"), "intermediate"), Outcome::trusted) << "trust may begin in the middle";
  EXPECT_EQ(outcome(fixture("chain.p7"), "leaf"), Outcome::trusted);
  EXPECT_EQ(outcome(fixture("chain.p7"), "pk"), Outcome::untrusted);
  EXPECT_EQ(outcome(fixture("gap.p7"), "kek"), Outcome::untrusted) << "the certificate in between isn't there";
  EXPECT_EQ(outcome(fixture("gap.p7"), "intermediate"), Outcome::trusted);
  EXPECT_EQ(outcome(fixture("chain_reversed.p7"), "stranger"), Outcome::untrusted) << "it's in the message only";
}

TEST_F(SignatureTest, WhatACertificateMayNot) {
  EXPECT_EQ(outcome(fixture("below_not_authority.p7"), "kek"), Outcome::untrusted);
  EXPECT_EQ(outcome(fixture("below_not_authority.p7"), "not_authority"), Outcome::untrusted);
  EXPECT_EQ(outcome(fixture("sha1_leaf.p7"), "kek"), Outcome::untrusted);
  EXPECT_EQ(outcome(fixture("weak_leaf.p7"), "kek"), Outcome::unreadable);
  EXPECT_EQ(outcome(fixture("elliptic.p7"), "kek"), Outcome::unreadable);
  EXPECT_EQ(outcome(fixture("no_certificate.p7"), "pk"), Outcome::unreadable);
  EXPECT_EQ(outcome(fixture("expired_leaf.p7"), "kek"), Outcome::trusted) << "nobody looks at a clock";
  EXPECT_TRUE(is_acceptable_certificate(fixture("pk.crt")));
  EXPECT_TRUE(is_acceptable_certificate(fixture("intermediate.crt")));
  EXPECT_FALSE(is_acceptable_certificate(fixture("weak_leaf.crt")));
  EXPECT_FALSE(is_acceptable_certificate(fixture("elliptic.crt")));
  ByteVector longer = fixture("pk.crt");
  longer.push_back(std::byte{0});
  EXPECT_FALSE(is_acceptable_certificate(longer));
  EXPECT_FALSE(is_acceptable_certificate({}));
}

// A certificate that only says that it's the platform key, and one with the platform key's in the message besides.
TEST_F(SignatureTest, ForgeriesWithTheRightName) {
  EXPECT_EQ(outcome(fixture("forgery.p7"), "pk"), Outcome::untrusted);
  const Signer with_both("forgery", {"pk"});
  EXPECT_EQ(outcome(with_both.sign(content), "pk"), Outcome::untrusted);
  EXPECT_EQ(outcome(with_both.sign(content), "forgery"), Outcome::trusted);
}

// Content in the message proves nothing, whether it's what was signed or not.
TEST_F(SignatureTest, ContentInTheMessageMeansNothing) {
  const ByteVector attached = fixture("attached.p7");
  EXPECT_EQ(outcome(attached, "pk"), Outcome::trusted);
  EXPECT_EQ(outcome(attached, "pk", bytes("what is signeD\n")), Outcome::forged);
  EXPECT_EQ(outcome(attached, "pk", bytes("")), Outcome::forged);
  ByteVector changed = attached;
  const auto inside = std::ranges::search(changed, content);
  ASSERT_FALSE(inside.empty());
  inside.front() = std::byte{'W'};
  EXPECT_EQ(outcome(changed, "pk"), Outcome::trusted);
  EXPECT_EQ(outcome(changed, "pk", bytes("What is signed\n")), Outcome::forged);
}

TEST_F(SignatureTest, OurOwnSigner) {
  EXPECT_EQ(outcome(Signer("pk").sign(content), "pk"), Outcome::trusted);
  EXPECT_EQ(outcome(Signer("leaf", {"intermediate"}).sign(content), "kek"), Outcome::trusted);
}

TEST_F(SignatureTest, NoFlippedBitIsTrusted) {
  for (const char* name : {"plain.p7", "attributes.p7"}) {
    const ByteVector whole = fixture(name);
    const SignedData parsed = *parse_signed_data(whole);
    const auto position = [&](Bytes part) { return static_cast<std::size_t>(part.data() - whole.data()); };
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      ByteVector changed = whole;
      changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      const Outcome result = outcome(changed, "pk");
      if (result == Outcome::trusted) {
        // Nothing that counts may have changed: the announcement of a second digest, or what isn't looked at.
        ADD_FAILURE() << name << " byte " << bit / 8 << " signature at " << position(parsed.signature);
      }
    }
  }
}

TEST_F(SignatureTest, IdentityIsThatOfStockFirmware) {
  // SHA-256 of "Test Platform Key" and the certificate's tbsCertificate, which stands behind 4 bytes.
  const ByteVector message = fixture("plain.p7");
  Signature signature;
  ASSERT_TRUE(signature.read(message).has_value());
  const ByteVector certificate = fixture("pk.crt");
  ASSERT_TRUE(std::ranges::equal(signature.signer_certificate(), certificate));
  const std::size_t size =
      4 + (std::to_integer<std::size_t>(certificate[6]) << 8) + std::to_integer<std::size_t>(certificate[7]);
  ByteVector hashed = bytes("Test Platform Key");
  append(hashed, Bytes(certificate).subspan(4, size));
  unsigned char expected[32];
  mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), reinterpret_cast<const unsigned char*>(hashed.data()),
             hashed.size(), expected);
  const Result<Sha256Digest> identity = signature.signer_identity();
  ASSERT_TRUE(identity.has_value());
  EXPECT_TRUE(std::ranges::equal(*identity, std::as_bytes(std::span(expected))));

  const ByteVector of_nameless = Signer("nameless").sign(content);
  Signature nameless;
  ASSERT_TRUE(nameless.read(of_nameless).has_value());
  EXPECT_EQ(nameless.signer_identity().error(), Error::not_found);
}

}  // namespace
}  // namespace redoubt::variable
