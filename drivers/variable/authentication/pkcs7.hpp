// SPDX-License-Identifier: BSD-2-Clause-Patent
// PKCS#7 SignedData (RFC 2315, section 9) as UEFI 2.10, 8.2.6 wants it in EFI_VARIABLE_AUTHENTICATION_2: DER, with or
// without a ContentInfo around it, version 1, one signer; content should be absent, and means nothing. Only the form is
// looked at here; what is inside certificates isn't. Everything must be as long as it says, with nothing behind it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/byte_reader.hpp"
#include "base/fixed_vector.hpp"

namespace redoubt::variable {

enum class DigestAlgorithm : std::uint8_t { sha256, sha384, sha512 };

struct SignedData {
  static constexpr std::size_t most_certificates = 10;

  FixedVector<Bytes, most_certificates> certificates;  // DER, in the message's order
  // The signer, named by the issuer (DER of a Name) and the serial number (contents of an INTEGER) of its certificate.
  Bytes issuer;
  Bytes serial_number;
  DigestAlgorithm digest_algorithm = DigestAlgorithm::sha256;
  // Empty, or the whole element. It's the attributes that are signed then, and among them the digest of the content.
  Bytes attributes;
  Bytes message_digest;
  Bytes signature;
};

// Views into `der`. Error::truncated or Error::malformed for what isn't such a message, Error::unsupported for
// algorithms other than SHA-256, SHA-384 or SHA-512 with RSA (PKCS#1 v1.5), for more than one signer, and for more
// certificates than most_certificates.
Result<SignedData> parse_signed_data(Bytes der);

}  // namespace redoubt::variable
