// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/signature.hpp"

#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <cstdlib>  // in images library_shims.cpp has its functions
#include <string_view>

namespace redoubt::variable {

namespace {

constexpr std::size_t least_key_bits = 2048;
constexpr std::size_t most_key_bits = 4096;
constexpr std::size_t most_exponent_bits = 64;  // larger ones only cost time
constexpr std::size_t most_name_bytes = 127;    // of a common name that stock firmware takes

constexpr mbedtls_x509_crt_profile profile = {
    .allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
                   MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    .allowed_pks = MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSA),
    .allowed_curves = 0,
    .rsa_min_bitlen = least_key_bits,
};

const unsigned char* raw(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Bytes bytes_of(const mbedtls_asn1_buf& buffer) { return {reinterpret_cast<const std::byte*>(buffer.p), buffer.len}; }

// Equal texts in another case or string type are the same to the library, which has the last word.
bool may_be_same_name(const mbedtls_x509_name& left, const mbedtls_x509_name& right) {
  const auto lower = [](std::byte value) {
    constexpr std::byte case_bit{0x20};
    return value >= std::byte{'A'} && value <= std::byte{'Z'} ? value | case_bit : value;
  };
  const mbedtls_x509_name* one = &left;
  const mbedtls_x509_name* other = &right;
  for (; one != nullptr && other != nullptr; one = one->next, other = other->next) {
    if (!std::ranges::equal(bytes_of(one->oid), bytes_of(other->oid)) ||
        !std::ranges::equal(bytes_of(one->val), bytes_of(other->val), {}, lower, lower)) {
      return false;
    }
  }
  return one == other;
}

bool has_acceptable_key(const mbedtls_x509_crt& certificate) {
  if (mbedtls_pk_get_type(&certificate.pk) != MBEDTLS_PK_RSA) {
    return false;
  }
  const std::size_t bits = mbedtls_pk_get_bitlen(&certificate.pk);
  return bits >= least_key_bits && bits <= most_key_bits &&
         mbedtls_mpi_bitlen(&mbedtls_pk_rsa(certificate.pk)->E) <= most_exponent_bits;
}

void give_back(mbedtls_x509_crt* certificate) {
  certificate->next = nullptr;  // others are given back on their own
  mbedtls_x509_crt_free(certificate);
  free(certificate);
}

// Null when it can't be read or isn't all of `der`.
mbedtls_x509_crt* read_any_certificate(Bytes der) {
  auto* certificate = static_cast<mbedtls_x509_crt*>(calloc(1, sizeof(mbedtls_x509_crt)));
  if (certificate == nullptr) {
    return nullptr;
  }
  mbedtls_x509_crt_init(certificate);
  if (mbedtls_x509_crt_parse_der_nocopy(certificate, raw(der), der.size()) != 0 || certificate->raw.len != der.size()) {
    give_back(certificate);
    return nullptr;
  }
  return certificate;
}

// Null also without an acceptable key.
mbedtls_x509_crt* read_certificate(Bytes der) {
  mbedtls_x509_crt* certificate = read_any_certificate(der);
  if (certificate != nullptr && !has_acceptable_key(*certificate)) {
    give_back(certificate);
    return nullptr;
  }
  return certificate;
}

mbedtls_md_type_t library_type(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::sha256: return MBEDTLS_MD_SHA256;
    case DigestAlgorithm::sha384: return MBEDTLS_MD_SHA384;
    case DigestAlgorithm::sha512: return MBEDTLS_MD_SHA512;
  }
  return MBEDTLS_MD_NONE;
}

struct Digest {
  std::byte bytes[MBEDTLS_MD_MAX_SIZE];
  std::size_t size = 0;

  Bytes view() const { return {bytes, size}; }
};

Result<Digest> digest_of(mbedtls_md_type_t type, std::span<const Bytes> content) {
  const mbedtls_md_info_t* info = mbedtls_md_info_from_type(type);
  mbedtls_md_context_t context;
  mbedtls_md_init(&context);
  int result = mbedtls_md_setup(&context, info, 0);
  if (result == 0) {
    result = mbedtls_md_starts(&context);
  }
  for (const Bytes part : content) {
    if (result == 0) {
      result = mbedtls_md_update(&context, raw(part), part.size());
    }
  }
  Digest digest{};
  if (result == 0) {
    result = mbedtls_md_finish(&context, reinterpret_cast<unsigned char*>(digest.bytes));
    digest.size = mbedtls_md_get_size(info);
  }
  mbedtls_md_free(&context);
  if (result != 0) {
    return std::unexpected(Error::out_of_memory);
  }
  return digest;
}

// Called for each certificate of a chain. The clock of images is none, and that of the host doesn't count.
int forget_time(void* /*context*/, mbedtls_x509_crt* /*certificate*/, int /*depth*/, std::uint32_t* flags) {
  *flags &= ~(std::uint32_t{MBEDTLS_X509_BADCERT_EXPIRED} | std::uint32_t{MBEDTLS_X509_BADCERT_FUTURE});
  return 0;
}

// Whether the library finds a way from a certificate, through those behind it in its list, to `anchor`.
bool is_issued_by(mbedtls_x509_crt& certificate, mbedtls_x509_crt& anchor) {
  std::uint32_t flags = 0;
  return mbedtls_x509_crt_verify_with_profile(&certificate, &anchor, nullptr, &profile, nullptr, &flags, forget_time,
                                              nullptr) == 0 &&
         flags == 0;
}

}  // namespace

Signature::~Signature() {
  for (std::size_t index = 0; index < certificates_.size(); ++index) {
    give_back(certificates_[index]);
  }
}

Result<void> Signature::read(Bytes der) {
  data_ = TRY(parse_signed_data(der));
  for (std::size_t index = 0; index < data_.certificates.size(); ++index) {
    if (mbedtls_x509_crt* certificate = read_certificate(data_.certificates[index]); certificate != nullptr) {
      TRY(certificates_.push_back(certificate));
    }
  }
  for (std::size_t index = 0; index < certificates_.size(); ++index) {
    const mbedtls_x509_crt& certificate = *certificates_[index];
    if (std::ranges::equal(bytes_of(certificate.issuer_raw), data_.issuer) &&
        std::ranges::equal(bytes_of(certificate.serial), data_.serial_number)) {
      std::swap(certificates_[0], certificates_[index]);
      order_chain();
      return {};
    }
  }
  return std::unexpected(Error::not_found);
}

void Signature::order_chain() {
  chain_length_ = 1;
  for (; chain_length_ < certificates_.size(); ++chain_length_) {
    const std::size_t issuer = find_issuer(*certificates_[chain_length_ - 1], chain_length_);
    if (issuer == certificates_.size()) {
      break;
    }
    std::swap(certificates_[chain_length_], certificates_[issuer]);
  }
  for (std::size_t index = 1; index < chain_length_; ++index) {
    certificates_[index - 1]->next = certificates_[index];
  }
}

// The place of who issued `certificate`, at `from` or behind it; the number of certificates for none. By name, and if
// several have the name that one whose signature it is: the library would go on with the first.
std::size_t Signature::find_issuer(mbedtls_x509_crt& certificate, std::size_t from) const {
  std::size_t first = certificates_.size();
  for (std::size_t index = from; index < certificates_.size(); ++index) {
    if (!may_be_same_name(certificates_[index]->subject, certificate.issuer)) {
      continue;
    }
    if (first == certificates_.size()) {
      first = index;
      continue;
    }
    if (is_issued_by(certificate, *certificates_[first])) {
      return first;
    }
    first = index;
  }
  return first;
}

Result<void> Signature::verify(std::span<const Bytes> content) const {
  const mbedtls_md_type_t type = library_type(data_.digest_algorithm);
  Digest digest = TRY(digest_of(type, content));
  if (!data_.attributes.empty()) {
    if (!std::ranges::equal(digest.view(), data_.message_digest)) {
      return std::unexpected(Error::access_denied);
    }
    // RFC 2315, 9.3: they are signed as a SET OF, which the message has under another tag.
    constexpr std::byte set_tag{MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET};
    const Bytes parts[] = {{&set_tag, 1}, data_.attributes.subspan(1)};
    digest = TRY(digest_of(type, parts));
  }
  const int result = mbedtls_pk_verify(&signer()->pk, type, reinterpret_cast<const unsigned char*>(digest.bytes),
                                       digest.size, raw(data_.signature), data_.signature.size());
  if (result != 0) {
    return std::unexpected(Error::access_denied);
  }
  return {};
}

bool Signature::leads_to(Bytes trusted) const {
  mbedtls_x509_crt* anchor = read_certificate(trusted);
  if (anchor == nullptr) {
    return false;
  }
  bool result = std::ranges::equal(signer_certificate(), trusted);
  if (!result && issued_any_by_name(*anchor)) {
    result = is_issued_by(*signer(), *anchor);
  }
  give_back(anchor);
  return result;
}

// Without this a message of many certificates would be searched for chains, which takes a verification for each link,
// once for each trusted certificate there is.
bool Signature::issued_any_by_name(const mbedtls_x509_crt& issuer) const {
  for (std::size_t index = 0; index < chain_length_; ++index) {
    if (may_be_same_name(certificates_[index]->issuer, issuer.subject)) {
      return true;
    }
  }
  return false;
}

Bytes Signature::signer_certificate() const { return bytes_of(signer()->raw); }

Result<Sha256Digest> Signature::signer_identity() const {
  constexpr std::string_view common_name_oid = MBEDTLS_OID_AT_CN;
  const mbedtls_x509_name* name = &signer()->subject;
  while (name != nullptr && !std::ranges::equal(bytes_of(name->oid), std::as_bytes(std::span(common_name_oid)))) {
    name = name->next;
  }
  if (name == nullptr) {
    return std::unexpected(Error::not_found);
  }
  if (name->val.tag != MBEDTLS_ASN1_UTF8_STRING && name->val.tag != MBEDTLS_ASN1_PRINTABLE_STRING &&
      name->val.tag != MBEDTLS_ASN1_IA5_STRING) {
    return std::unexpected(Error::unsupported);
  }
  Bytes text = bytes_of(name->val);
  text = text.first(std::min(text.size(), most_name_bytes));
  const auto terminator = std::ranges::find(text, std::byte{0});
  const Bytes parts[] = {{text.begin(), terminator}, bytes_of(signer()->tbs)};
  const Digest digest = TRY(digest_of(MBEDTLS_MD_SHA256, parts));
  Sha256Digest identity;
  std::ranges::copy(digest.view(), identity.begin());
  return identity;
}

bool is_rsa_certificate(Bytes der) {
  mbedtls_x509_crt* certificate = read_any_certificate(der);
  if (certificate == nullptr) {
    return false;
  }
  const bool result = mbedtls_pk_get_type(&certificate->pk) == MBEDTLS_PK_RSA;
  give_back(certificate);
  return result;
}

bool is_acceptable_certificate(Bytes der) {
  mbedtls_x509_crt* certificate = read_certificate(der);
  if (certificate == nullptr) {
    return false;
  }
  give_back(certificate);
  return true;
}

}  // namespace redoubt::variable
