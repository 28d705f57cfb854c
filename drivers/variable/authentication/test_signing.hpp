// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the tests of authenticated variables share: the fixtures (fixtures/generate), and a signer that makes PKCS#7
// messages and EFI_VARIABLE_AUTHENTICATION_2 descriptors for any content, by the library's RSA and DER written here.
#pragma once

#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "abi/uefi/signatures.hpp"
#include "abi/uefi/time.hpp"
#include "drivers/variable/store/variable.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable::test {

using ByteVector = std::vector<std::byte>;

// A fixture, by its file name.
inline ByteVector fixture(const std::string& name) {
  std::ifstream file(std::string(REDOUBT_AUTHENTICATION_FIXTURES "/") + name, std::ios::binary);
  if (!file.good()) {
    std::abort();
  }
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return bytes(text);
}

inline void append(ByteVector& to, Bytes more) { to.insert(to.end(), more.begin(), more.end()); }

template <typename T>
void append_value(ByteVector& to, const T& value) {
  append(to, std::as_bytes(std::span(&value, 1)));
}

// One element of DER.
inline ByteVector der(unsigned tag, std::initializer_list<ByteVector> contents) {
  std::size_t size = 0;
  for (const ByteVector& part : contents) {
    size += part.size();
  }
  ByteVector element = {static_cast<std::byte>(tag)};
  if (size >= 0x100) {
    element.insert(element.end(), {std::byte{0x82}, static_cast<std::byte>(size >> 8)});
  } else if (size >= 0x80) {
    element.push_back(std::byte{0x81});
  }
  element.push_back(static_cast<std::byte>(size));
  for (const ByteVector& part : contents) {
    append(element, part);
  }
  return element;
}

// One EFI_SIGNATURE_LIST (UEFI 2.10, 32.4.1) of signatures of the same size.
inline ByteVector signature_list(const abi::Guid& type, const std::vector<ByteVector>& signatures,
                                 const abi::Guid& owner = vendor_a) {
  const std::size_t entry = sizeof(abi::Guid) + signatures.at(0).size();
  ByteVector list;
  append_value(list, type);
  append_value(list, static_cast<std::uint32_t>(28 + signatures.size() * entry));
  append_value(list, std::uint32_t{0});
  append_value(list, static_cast<std::uint32_t>(entry));
  for (const ByteVector& signature : signatures) {
    append_value(list, owner);
    append(list, signature);
  }
  return list;
}

// Signs as the owner of a fixture's key; the message holds the signer's certificate and `others`.
class Signer {
 public:
  explicit Signer(const std::string& name, const std::vector<std::string>& others = {})
      : Signer(name, fixture(name + ".crt")) {
    for (const std::string& other : others) {
      append(certificates_, fixture(other + ".crt"));
    }
  }
  Signer(const std::string& key_name, const ByteVector& certificate, const std::vector<ByteVector>& others = {})
      : certificate_(certificate), certificates_(certificate) {
    const ByteVector key = fixture(key_name + ".key");
    mbedtls_pk_init(&key_);
    if (mbedtls_pk_parse_key(&key_, raw(key), key.size(), nullptr, 0) != 0) {
      std::abort();
    }
    for (const ByteVector& other : others) {
      append(certificates_, other);
    }
  }
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  ~Signer() { mbedtls_pk_free(&key_); }

  const ByteVector& certificate() const { return certificate_; }

  // SignedData without ContentInfo, as UEFI's tools make it.
  ByteVector sign(Bytes content) const {
    unsigned char digest[32];
    mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), raw(content), content.size(), digest);
    ByteVector signature(mbedtls_pk_get_len(&key_));
    std::size_t size = 0;
    if (mbedtls_pk_sign(const_cast<mbedtls_pk_context*>(&key_), MBEDTLS_MD_SHA256, digest, sizeof(digest),
                        reinterpret_cast<unsigned char*>(signature.data()), &size, nullptr, nullptr) != 0) {
      std::abort();
    }
    mbedtls_x509_crt certificate;
    mbedtls_x509_crt_init(&certificate);
    mbedtls_x509_crt_parse_der(&certificate, raw(certificate_), certificate_.size());
    const auto* issuer = reinterpret_cast<const std::byte*>(certificate.issuer_raw.p);
    const auto* serial = reinterpret_cast<const std::byte*>(certificate.serial.p);
    const ByteVector name(issuer, issuer + certificate.issuer_raw.len);
    const ByteVector number(serial, serial + certificate.serial.len);
    mbedtls_x509_crt_free(&certificate);

    const ByteVector version = der(0x02, {{std::byte{1}}});
    const ByteVector sha256 = der(0x30, {der(0x06, {bytes("\x60\x86\x48\x01\x65\x03\x04\x02\x01")}), der(0x05, {})});
    const ByteVector rsa = der(0x30, {der(0x06, {bytes("\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01")}), der(0x05, {})});
    const ByteVector data = der(0x30, {der(0x06, {bytes("\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01")})});
    return der(0x30, {version, der(0x31, {sha256}), data, der(0xA0, {certificates_}),
                      der(0x31, {der(0x30, {version, der(0x30, {name, der(0x02, {number})}), sha256, rsa,
                                            der(0x04, {signature})})})});
  }

  // The data of an authenticated SetVariable (UEFI 2.10, 8.2.6): descriptor, then `payload`.
  ByteVector update(const VariableId& id, std::uint32_t attributes, const abi::Time& time, Bytes payload) const {
    ByteVector content;
    append(content, std::as_bytes(std::span(id.name)));
    append_value(content, id.vendor);
    append_value(content, attributes);
    append_value(content, time);
    append(content, payload);
    return described(time, sign(content), payload);
  }

  static ByteVector described(const abi::Time& time, Bytes certificate, Bytes payload) {
    ByteVector data;
    append_value(data, time);
    append_value(data, static_cast<std::uint32_t>(24 + certificate.size()));
    append_value(data, std::uint16_t{0x0200});
    append_value(data, std::uint16_t{0x0EF1});
    append_value(data, abi::pkcs7_certificate_guid);
    append(data, certificate);
    append(data, payload);
    return data;
  }

 private:
  static const unsigned char* raw(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

  mbedtls_pk_context key_;
  ByteVector certificate_;
  ByteVector certificates_;
};

}  // namespace redoubt::variable::test
