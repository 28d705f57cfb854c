// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/pkcs7.hpp"

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace redoubt::variable {

namespace {

constexpr int sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
constexpr int set = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET;
constexpr int context = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED;

// RFC 2315, section 14, and RFC 2985, 5.3; contents of OBJECT IDENTIFIERs.
constexpr std::string_view data_oid = "\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01";
constexpr std::string_view signed_data_oid = "\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02";
constexpr std::string_view content_type_oid = "\x2A\x86\x48\x86\xF7\x0D\x01\x09\x03";
constexpr std::string_view message_digest_oid = "\x2A\x86\x48\x86\xF7\x0D\x01\x09\x04";
constexpr std::string_view rsa_oid = MBEDTLS_OID_PKCS1_RSA;

struct Algorithm {
  DigestAlgorithm digest;
  std::string_view oid;
  std::string_view with_rsa_oid;
};
constexpr Algorithm algorithms[] = {
    {DigestAlgorithm::sha256, MBEDTLS_OID_DIGEST_ALG_SHA256, MBEDTLS_OID_PKCS1_SHA256},
    {DigestAlgorithm::sha384, MBEDTLS_OID_DIGEST_ALG_SHA384, MBEDTLS_OID_PKCS1_SHA384},
    {DigestAlgorithm::sha512, MBEDTLS_OID_DIGEST_ALG_SHA512, MBEDTLS_OID_PKCS1_SHA512},
};

bool is(Bytes bytes, std::string_view expected) {
  return std::ranges::equal(bytes, std::as_bytes(std::span(expected)));
}

// The elements of one level of DER, by the library's reading of tags and lengths.
class DerReader {
 public:
  explicit DerReader(Bytes bytes)
      // The library's functions take writable memory and only read it.
      : position_(reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()))),
        end_(position_ + bytes.size()) {}

  bool at_end() const { return position_ == end_; }
  bool has(int tag) const { return !at_end() && *position_ == tag; }

  // The contents of the next element, which has this tag.
  Result<Bytes> take(int tag) {
    std::size_t length = 0;
    unsigned char* position = position_;
    const int result = mbedtls_asn1_get_tag(&position, end_, &length, tag);
    if (result != 0) {
      return std::unexpected(result == MBEDTLS_ERR_ASN1_OUT_OF_DATA ? Error::truncated : Error::malformed);
    }
    // DER has one way to write a length (X.690, 10.1): the element must be no longer than need be.
    if (static_cast<std::size_t>(position - position_) != 1 + length_octets(length)) {
      return std::unexpected(Error::malformed);
    }
    position_ = position + length;
    return Bytes(reinterpret_cast<const std::byte*>(position), length);
  }

  // The whole next element, tag and length included.
  Result<Bytes> take_whole(int tag) {
    const auto* start = reinterpret_cast<const std::byte*>(position_);
    const Bytes contents = TRY(take(tag));
    return Bytes(start, contents.data() + contents.size());
  }

  Result<void> expect_end() const {
    if (!at_end()) {
      return std::unexpected(Error::malformed);
    }
    return {};
  }

 private:
  static std::size_t length_octets(std::size_t length) {
    constexpr std::size_t longest_short_form = 0x7F;
    std::size_t octets = 1;
    for (std::size_t rest = length; length > longest_short_form && rest != 0; rest >>= 8) {
      ++octets;
    }
    return octets;
  }

  unsigned char* position_;
  unsigned char* end_;
};

Result<void> expect_version_1(DerReader& reader) {
  const Bytes version = TRY(reader.take(MBEDTLS_ASN1_INTEGER));
  if (!is(version, "\x01")) {
    return std::unexpected(Error::malformed);
  }
  return {};
}

// The object identifier of the next AlgorithmIdentifier, whose parameters are NULL or absent.
Result<Bytes> take_algorithm(DerReader& reader) {
  DerReader algorithm(TRY(reader.take(sequence)));
  const Bytes oid = TRY(algorithm.take(MBEDTLS_ASN1_OID));
  if (!algorithm.at_end()) {
    const Bytes null = TRY(algorithm.take(MBEDTLS_ASN1_NULL));
    if (!null.empty()) {
      return std::unexpected(Error::malformed);
    }
  }
  TRY(algorithm.expect_end());
  return oid;
}

Result<void> read_certificates(Bytes contents, SignedData& result) {
  for (DerReader certificates(contents); !certificates.at_end();) {
    const Bytes certificate = TRY(certificates.take_whole(sequence));
    if (!result.certificates.push_back(certificate).has_value()) {
      return std::unexpected(Error::unsupported);
    }
  }
  return {};
}

// RFC 2315, 9.2: content type and message digest must be there, each with one value; others have no meaning here.
Result<void> read_attributes(Bytes contents, SignedData& result) {
  bool has_content_type = false;
  bool has_digest = false;
  for (DerReader attributes(contents); !attributes.at_end();) {
    DerReader attribute(TRY(attributes.take(sequence)));
    const Bytes type = TRY(attribute.take(MBEDTLS_ASN1_OID));
    DerReader values(TRY(attribute.take(set)));
    TRY(attribute.expect_end());
    if (is(type, content_type_oid)) {
      const Bytes content_type = TRY(values.take(MBEDTLS_ASN1_OID));
      TRY(values.expect_end());
      if (has_content_type || !is(content_type, data_oid)) {
        return std::unexpected(Error::malformed);
      }
      has_content_type = true;
    } else if (is(type, message_digest_oid)) {
      result.message_digest = TRY(values.take(MBEDTLS_ASN1_OCTET_STRING));
      TRY(values.expect_end());
      if (has_digest) {
        return std::unexpected(Error::malformed);
      }
      has_digest = true;
    }
  }
  if (!has_content_type || !has_digest) {
    return std::unexpected(Error::malformed);
  }
  return {};
}

Result<void> read_signer(DerReader signer, Bytes digest_algorithms, SignedData& result) {
  TRY(expect_version_1(signer));
  DerReader name(TRY(signer.take(sequence)));
  result.issuer = TRY(name.take_whole(sequence));
  result.serial_number = TRY(name.take(MBEDTLS_ASN1_INTEGER));
  TRY(name.expect_end());

  const Bytes digest = TRY(take_algorithm(signer));
  const auto* algorithm = std::ranges::find_if(algorithms, [&](const Algorithm& each) { return is(digest, each.oid); });
  if (algorithm == std::end(algorithms)) {
    return std::unexpected(Error::unsupported);
  }
  result.digest_algorithm = algorithm->digest;
  bool announced = false;
  for (DerReader announcement(digest_algorithms); !announcement.at_end();) {
    announced = is(TRY(take_algorithm(announcement)), algorithm->oid) || announced;
  }
  if (!announced) {
    return std::unexpected(Error::malformed);
  }

  if (signer.has(context | 0)) {
    result.attributes = TRY(signer.take_whole(context | 0));
    TRY(read_attributes(TRY(DerReader(result.attributes).take(context | 0)), result));
  }
  const Bytes encryption = TRY(take_algorithm(signer));
  if (!is(encryption, rsa_oid) && !is(encryption, algorithm->with_rsa_oid)) {
    return std::unexpected(Error::unsupported);
  }
  result.signature = TRY(signer.take(MBEDTLS_ASN1_OCTET_STRING));
  // What isn't signed means nothing.
  if (signer.has(context | 1)) {
    TRY(signer.take(context | 1));
  }
  return signer.expect_end();
}

}  // namespace

Result<SignedData> parse_signed_data(Bytes der) {
  DerReader message(der);
  DerReader outer(TRY(message.take(sequence)));
  TRY(message.expect_end());
  std::optional<DerReader> body(outer);
  if (outer.has(MBEDTLS_ASN1_OID)) {
    const Bytes type = TRY(outer.take(MBEDTLS_ASN1_OID));
    if (!is(type, signed_data_oid)) {
      return std::unexpected(Error::malformed);
    }
    DerReader content(TRY(outer.take(context | 0)));
    TRY(outer.expect_end());
    body.emplace(TRY(content.take(sequence)));
    TRY(content.expect_end());
  }

  SignedData result;
  TRY(expect_version_1(*body));
  const Bytes digest_algorithms = TRY(body->take(set));
  DerReader content(TRY(body->take(sequence)));
  const Bytes content_type = TRY(content.take(MBEDTLS_ASN1_OID));
  if (!is(content_type, data_oid)) {
    return std::unexpected(Error::malformed);
  }
  // The content itself should be absent. Computers' makers sign updates of KEK that have it nevertheless, and stock
  // firmware takes them. It isn't used: the signature is of the data that SetVariable is called with.
  if (content.has(context | 0)) {
    DerReader ignored(TRY(content.take(context | 0)));
    TRY(ignored.take(MBEDTLS_ASN1_OCTET_STRING));
    TRY(ignored.expect_end());
  }
  TRY(content.expect_end());
  if (body->has(context | 0)) {
    TRY(read_certificates(TRY(body->take(context | 0)), result));
  }
  if (body->has(context | 1)) {
    TRY(body->take(context | 1));  // revocation lists
  }
  DerReader signers(TRY(body->take(set)));
  TRY(body->expect_end());
  const DerReader signer(TRY(signers.take(sequence)));
  if (!signers.at_end()) {
    return std::unexpected(Error::unsupported);
  }
  TRY(read_signer(signer, digest_algorithms, result));
  return result;
}

}  // namespace redoubt::variable
