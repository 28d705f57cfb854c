// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/pkcs7.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "drivers/variable/authentication/test_signing.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

Error error_of(Bytes message) {
  const Result<SignedData> parsed = parse_signed_data(message);
  EXPECT_FALSE(parsed.has_value());
  return parsed.has_value() ? Error::already_exists : parsed.error();
}

// SignedData as the parts that a test may exchange.
struct Parts {
  ByteVector version = der(0x02, {{std::byte{1}}});
  ByteVector digest = der(0x30, {der(0x06, {bytes("\x60\x86\x48\x01\x65\x03\x04\x02\x01")}), der(0x05, {})});
  ByteVector digests = der(0x31, {digest});
  ByteVector content = der(0x30, {der(0x06, {bytes("\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01")})});
  ByteVector certificates = der(0xA0, {der(0x30, {bytes("one")}), der(0x30, {bytes("two")})});
  ByteVector lists;
  ByteVector signer_version = version;
  ByteVector issuer = der(0x30, {bytes("issuer")});
  ByteVector serial = der(0x02, {bytes("\x01\x02")});
  ByteVector signer_digest = digest;
  ByteVector attributes;
  ByteVector encryption = der(0x30, {der(0x06, {bytes("\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01")}), der(0x05, {})});
  ByteVector signature = der(0x04, {bytes("signature")});
  ByteVector rest;
  ByteVector after_signer;
  ByteVector end;

  ByteVector signer() const {
    return der(0x30,
               {signer_version, der(0x30, {issuer, serial}), signer_digest, attributes, encryption, signature, rest});
  }
  ByteVector message() const {
    return der(0x30, {version, digests, content, certificates, lists, der(0x31, {signer(), after_signer}), end});
  }
};

ByteVector attribute(std::string_view oid, const std::vector<ByteVector>& values) {
  ByteVector all;
  for (const ByteVector& value : values) {
    append(all, value);
  }
  return der(0x30, {der(0x06, {bytes(oid)}), der(0x31, {all})});
}

const ByteVector content_type =
    attribute("\x2A\x86\x48\x86\xF7\x0D\x01\x09\x03", {der(0x06, {bytes("\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01")})});
const ByteVector message_digest = attribute("\x2A\x86\x48\x86\xF7\x0D\x01\x09\x04", {der(0x04, {bytes("digest")})});

TEST(Pkcs7, WhatOpenSslMakes) {
  for (const char* name : {"plain.p7", "attributes.p7", "sha384.p7", "sha512.p7"}) {
    SCOPED_TRACE(name);
    const ByteVector message = fixture(name);
    const Result<SignedData> parsed = parse_signed_data(message);
    ASSERT_TRUE(parsed.has_value());
    ASSERT_EQ(parsed->certificates.size(), 1u);
    EXPECT_TRUE(std::ranges::equal(parsed->certificates[0], fixture("pk.crt")));
    EXPECT_EQ(parsed->signature.size(), 256u);
    const bool with_attributes = std::string_view(name) == "attributes.p7" || std::string_view(name) == "sha512.p7";
    EXPECT_EQ(parsed->attributes.empty(), !with_attributes);
    EXPECT_EQ(parsed->message_digest.size(), !with_attributes ? 0u : name[0] == 'a' ? 32u : 64u);
  }
  EXPECT_EQ(parse_signed_data(fixture("sha384.p7"))->digest_algorithm, DigestAlgorithm::sha384);
  EXPECT_EQ(parse_signed_data(fixture("sha512.p7"))->digest_algorithm, DigestAlgorithm::sha512);
  EXPECT_EQ(parse_signed_data(fixture("chain.p7"))->certificates.size(), 3u);
  EXPECT_TRUE(parse_signed_data(fixture("no_certificate.p7"))->certificates.empty());
  EXPECT_EQ(error_of(fixture("sha1.p7")), Error::unsupported);
  EXPECT_EQ(error_of(fixture("elliptic.p7")), Error::unsupported);
  EXPECT_EQ(error_of(fixture("two_signers.p7")), Error::unsupported);
  EXPECT_TRUE(parse_signed_data(fixture("attached.p7")).has_value());
}

TEST(Pkcs7, WithAndWithoutContentInfo) {
  const ByteVector bare = Parts().message();
  ASSERT_TRUE(parse_signed_data(bare).has_value());
  const ByteVector type = der(0x06, {bytes("\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02")});
  EXPECT_TRUE(parse_signed_data(der(0x30, {type, der(0xA0, {bare})})).has_value());
  const ByteVector other = der(0x06, {bytes("\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03")});
  EXPECT_EQ(error_of(der(0x30, {other, der(0xA0, {bare})})), Error::malformed);
  EXPECT_EQ(error_of(der(0x30, {type, der(0xA0, {bare, bare})})), Error::malformed);
  EXPECT_EQ(error_of(der(0x30, {type, der(0xA0, {bare}), bare})), Error::malformed);
  EXPECT_EQ(error_of(der(0x30, {type})), Error::truncated);
}

TEST(Pkcs7, FieldsAreWhereTheyBelong) {
  Parts parts;
  parts.attributes = der(0xA0, {content_type, attribute("\x01\x02", {bytes("\x05\x01x"), bytes("y")}), message_digest});
  parts.lists = der(0xA1, {bytes("whatever")});
  parts.rest = der(0xA1, {bytes("whatever")});
  const ByteVector message = parts.message();
  const Result<SignedData> parsed = parse_signed_data(message);
  ASSERT_TRUE(parsed.has_value());
  ASSERT_EQ(parsed->certificates.size(), 2u);
  EXPECT_TRUE(std::ranges::equal(parsed->certificates[1], der(0x30, {bytes("two")})));
  EXPECT_TRUE(std::ranges::equal(parsed->issuer, parts.issuer));
  EXPECT_TRUE(std::ranges::equal(parsed->serial_number, bytes("\x01\x02")));
  EXPECT_TRUE(std::ranges::equal(parsed->attributes, parts.attributes));
  EXPECT_TRUE(std::ranges::equal(parsed->message_digest, bytes("digest")));
  EXPECT_TRUE(std::ranges::equal(parsed->signature, bytes("signature")));
}

TEST(Pkcs7, EachPartIsChecked) {
  const auto check = [](Error expected, const char* what, auto change) {
    Parts parts;
    change(parts);
    EXPECT_EQ(error_of(parts.message()), expected) << what;
  };
  const auto algorithm = [](std::string_view oid, const ByteVector& parameters) {
    return der(0x30, {der(0x06, {bytes(oid)}), parameters});
  };
  const ByteVector version_2 = der(0x02, {{std::byte{2}}});
  const ByteVector long_1 = der(0x02, {{std::byte{0}, std::byte{1}}});
  check(Error::malformed, "version", [&](Parts& parts) { parts.version = version_2; });
  check(Error::malformed, "long version", [&](Parts& parts) { parts.version = long_1; });
  check(Error::malformed, "signer's version", [&](Parts& parts) { parts.signer_version = version_2; });
  check(Error::malformed, "content type",
        [](Parts& parts) { parts.content = der(0x30, {der(0x06, {bytes("\x2A")})}); });
  const auto with_content = [](Parts& parts, const ByteVector& inside, const ByteVector& behind = {}) {
    parts.content =
        der(0x30, {der(0x06, {bytes("\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01")}), der(0xA0, {inside}), behind});
  };
  check(Error::truncated, "content of nothing", [&](Parts& parts) { with_content(parts, {}); });
  check(Error::malformed, "content of another type", [&](Parts& parts) { with_content(parts, der(0x30, {})); });
  check(Error::malformed, "content twice",
        [&](Parts& parts) { with_content(parts, der(0x04, {bytes("x")}), der(0xA0, {der(0x04, {bytes("x")})})); });
  check(Error::malformed, "two contents", [&](Parts& parts) {
    ByteVector both = der(0x04, {bytes("x")});
    append(both, both);
    with_content(parts, both);
  });
  check(Error::malformed, "digest isn't announced", [](Parts& parts) { parts.digests = der(0x31, {}); });
  check(Error::malformed, "announcement", [](Parts& parts) { parts.digests = der(0x31, {bytes("x")}); });
  check(Error::malformed, "digest's parameters", [&](Parts& parts) {
    parts.signer_digest = algorithm("\x60\x86\x48\x01\x65\x03\x04\x02\x01", der(0x05, {bytes("x")}));
  });
  check(Error::malformed, "digest's other parameters",
        [&](Parts& parts) { parts.signer_digest = algorithm("\x60\x86\x48\x01\x65\x03\x04\x02\x01", der(0x30, {})); });
  check(Error::unsupported, "SHA-224",
        [&](Parts& parts) { parts.signer_digest = algorithm("\x60\x86\x48\x01\x65\x03\x04\x02\x04", der(0x05, {})); });
  check(Error::unsupported, "RSA with another digest",
        [&](Parts& parts) { parts.encryption = algorithm("\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0C", der(0x05, {})); });
  check(Error::unsupported, "more certificates than are taken", [](Parts& parts) {
    ByteVector all;
    for (int count = 0; count < 11; ++count) {
      append(all, der(0x30, {}));
    }
    parts.certificates = der(0xA0, {all});
  });
  check(Error::malformed, "certificate of another kind",
        [](Parts& parts) { parts.certificates = der(0xA0, {der(0xA1, {})}); });
  check(Error::malformed, "issuer", [](Parts& parts) { parts.issuer = der(0x31, {}); });
  check(Error::malformed, "behind the serial number", [](Parts& parts) { append(parts.serial, der(0x05, {})); });
  check(Error::malformed, "signature", [](Parts& parts) { parts.signature = der(0x03, {}); });
  check(Error::malformed, "behind the signer", [](Parts& parts) { parts.rest = der(0xA2, {}); });
  check(Error::malformed, "behind unsigned attributes", [](Parts& parts) {
    parts.rest = der(0xA1, {});
    append(parts.rest, der(0x05, {}));
  });
  check(Error::unsupported, "second signer", [](Parts& parts) { parts.after_signer = parts.signer(); });
  check(Error::malformed, "behind the message's parts", [](Parts& parts) { parts.end = der(0x05, {}); });
  check(Error::malformed, "attributes without digest",
        [](Parts& parts) { parts.attributes = der(0xA0, {content_type}); });
  check(Error::malformed, "attributes without type",
        [](Parts& parts) { parts.attributes = der(0xA0, {message_digest}); });
  check(Error::malformed, "two digests",
        [](Parts& parts) { parts.attributes = der(0xA0, {content_type, message_digest, message_digest}); });
  check(Error::malformed, "two types",
        [](Parts& parts) { parts.attributes = der(0xA0, {content_type, content_type, message_digest}); });
  check(Error::malformed, "a digest with two values", [](Parts& parts) {
    parts.attributes =
        der(0xA0, {content_type, attribute("\x2A\x86\x48\x86\xF7\x0D\x01\x09\x04",
                                           {der(0x04, {bytes("digest")}), der(0x04, {bytes("digest")})})});
  });
  check(Error::malformed, "another type", [](Parts& parts) {
    parts.attributes =
        der(0xA0, {attribute("\x2A\x86\x48\x86\xF7\x0D\x01\x09\x03", {der(0x06, {bytes("\x2A")})}), message_digest});
  });
  check(Error::malformed, "no attributes at all", [](Parts& parts) { parts.attributes = der(0xA0, {}); });

  // RSA with the right digest, and algorithms without parameters.
  Parts parts;
  parts.encryption = algorithm("\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0B", {});
  parts.signer_digest = algorithm("\x60\x86\x48\x01\x65\x03\x04\x02\x01", {});
  EXPECT_TRUE(parse_signed_data(parts.message()).has_value());
}

// BER has many ways to write a length, DER one.
TEST(Pkcs7, LengthsAreAsShortAsTheyCanBe) {
  const ByteVector whole = fixture("plain.p7");
  ASSERT_TRUE(parse_signed_data(whole).has_value());
  ASSERT_EQ(whole.at(1), std::byte{0x82});
  const ByteVector contents(whole.begin() + 4, whole.end());
  const auto with_length = [&](std::initializer_list<int> octets, bool ends) {
    ByteVector message = {std::byte{0x30}};
    for (const int octet : octets) {
      message.push_back(static_cast<std::byte>(octet));
    }
    append(message, contents);
    message.resize(message.size() + (ends ? 2 : 0));
    return message;
  };
  const int high = static_cast<int>(contents.size() >> 8);
  const int low = static_cast<int>(contents.size() & 0xFF);
  EXPECT_TRUE(parse_signed_data(with_length({0x82, high, low}, false)).has_value());
  EXPECT_EQ(error_of(with_length({0x83, 0, high, low}, false)), Error::malformed);
  EXPECT_EQ(error_of(with_length({0x84, 0, 0, high, low}, false)), Error::malformed);
  EXPECT_EQ(error_of(with_length({0x85, 0, 0, 0, high, low}, false)), Error::malformed);
  EXPECT_EQ(error_of(with_length({0x80}, true)), Error::malformed) << "indefinite";
  Parts parts;
  parts.signature = bytes(std::string_view("\x04\x81\x01s", 4));
  EXPECT_EQ(error_of(parts.message()), Error::malformed);
  for (const std::size_t size : {0U, 1U, 0x7FU, 0x80U, 0xFFU, 0x100U, 0x200U}) {
    parts.signature = der(0x04, {bytes(std::string(size, 's'))});
    EXPECT_TRUE(parse_signed_data(parts.message()).has_value()) << size;
  }
}

TEST(Pkcs7, EveryTruncationIsRefused) {
  for (const char* name : {"plain.p7", "attributes.p7", "chain.p7"}) {
    const ByteVector whole = fixture(name);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const ByteVector part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(error_of(part), Error::truncated) << name << ' ' << size;
    }
    ByteVector longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_EQ(error_of(longer), Error::malformed);
  }
}

}  // namespace
}  // namespace redoubt::variable
