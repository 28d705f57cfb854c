// SPDX-License-Identifier: BSD-2-Clause-Patent
// Parts of Mbed TLS that images don't have, because only private keys and PEM text lead to them: PEM itself, PKCS#5 and
// PKCS#12, and with them all ciphers. They answer that they are unavailable, as those of a library configured without
// them would. Images only.
#include <mbedtls/pem.h>
#include <mbedtls/pkcs12.h>
#include <mbedtls/pkcs5.h>

#include <cstddef>

extern "C" {

void mbedtls_pem_init(mbedtls_pem_context* /*context*/) {}
void mbedtls_pem_free(mbedtls_pem_context* /*context*/) {}
int mbedtls_pem_read_buffer(mbedtls_pem_context* /*context*/, const char* /*header*/, const char* /*footer*/,
                            const unsigned char* /*data*/, const unsigned char* /*password*/,
                            std::size_t /*password_size*/, std::size_t* /*used*/) {
  return MBEDTLS_ERR_PEM_FEATURE_UNAVAILABLE;
}
int mbedtls_pkcs12_pbe_sha1_rc4_128(mbedtls_asn1_buf* /*parameters*/, int /*mode*/, const unsigned char* /*password*/,
                                    std::size_t /*password_size*/, const unsigned char* /*input*/, std::size_t /*size*/,
                                    unsigned char* /*output*/) {
  return MBEDTLS_ERR_PKCS12_FEATURE_UNAVAILABLE;
}
int mbedtls_pkcs12_pbe(mbedtls_asn1_buf* /*parameters*/, int /*mode*/, mbedtls_cipher_type_t /*cipher*/,
                       mbedtls_md_type_t /*digest*/, const unsigned char* /*password*/, std::size_t /*password_size*/,
                       const unsigned char* /*input*/, std::size_t /*size*/, unsigned char* /*output*/) {
  return MBEDTLS_ERR_PKCS12_FEATURE_UNAVAILABLE;
}
int mbedtls_pkcs5_pbes2(const mbedtls_asn1_buf* /*parameters*/, int /*mode*/, const unsigned char* /*password*/,
                        std::size_t /*password_size*/, const unsigned char* /*input*/, std::size_t /*size*/,
                        unsigned char* /*output*/) {
  return MBEDTLS_ERR_PKCS5_FEATURE_UNAVAILABLE;
}

}  // extern "C"
