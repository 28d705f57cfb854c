// SPDX-License-Identifier: BSD-2-Clause-Patent
// A detached PKCS#7 signature and what it proves: that the holder of the key in one of its certificates signed some
// bytes, and that this certificate leads to one that the firmware trusts. RSA keys of 2048 to 4096 bits only, here and
// along the chain, and SHA-256, SHA-384 or SHA-512. Validity periods are not looked at: the firmware has no clock that
// it could trust, and a key in PK, KEK or db holds until it is taken out of there.
#pragma once

#include <array>
#include <span>

#include "base/fixed_vector.hpp"
#include "drivers/variable/authentication/pkcs7.hpp"

struct mbedtls_x509_crt;

namespace redoubt::variable {

using Sha256Digest = std::array<std::byte, 32>;

// Exists only inside a LibraryMemoryScope.
class Signature {
 public:
  Signature() = default;
  Signature(const Signature&) = delete;
  Signature& operator=(const Signature&) = delete;
  ~Signature();

  // Reads the message, which must outlive this, once. The errors of parse_signed_data(); Error::not_found when the
  // signer's certificate isn't in it or has no acceptable key. Other certificates that can't be read are left out.
  Result<void> read(Bytes der);

  // Whether the signer signed the concatenation of `content`. Error::access_denied when not.
  Result<void> verify(std::span<const Bytes> content) const;

  // Whether the signer's certificate is `trusted` (DER), or was issued by it, directly or through certificates of the
  // message that may issue others.
  bool leads_to(Bytes trusted) const;

  // The signer's certificate, DER.
  Bytes signer_certificate() const;

  // What stock firmware knows the writer of a private authenticated variable by: the SHA-256 digest of the common name
  // of the signer's certificate and its tbsCertificate. Error::not_found without a common name, Error::unsupported
  // when it isn't in a string type of one byte to a character or UTF-8.
  Result<Sha256Digest> signer_identity() const;

 private:
  mbedtls_x509_crt* signer() const { return certificates_[0]; }
  bool issued_any_by_name(const mbedtls_x509_crt& issuer) const;
  void order_chain();
  std::size_t find_issuer(mbedtls_x509_crt& certificate, std::size_t from) const;

  SignedData data_;
  // The signer's first, then its issuers as far as they are there, linked as the library wants them, then the others.
  FixedVector<mbedtls_x509_crt*, SignedData::most_certificates> certificates_;
  std::size_t chain_length_ = 0;  // of the linked ones
};

// Whether `der` is a certificate with an RSA key, and whether signatures with that key count. Inside a
// LibraryMemoryScope only.
bool is_rsa_certificate(Bytes der);
bool is_acceptable_certificate(Bytes der);

}  // namespace redoubt::variable
