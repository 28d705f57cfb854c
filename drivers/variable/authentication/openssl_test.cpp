// SPDX-License-Identifier: BSD-2-Clause-Patent
// The same signatures before OpenSSL, which stock firmware verifies with, and before Signature: what is trusted here
// must be there too, whatever was done to the message; and what OpenSSL trusts but isn't trusted here must break one of
// the rules that docs/authenticated-variables.md names. OpenSSL makes keys, certificates and messages besides.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sanitizer/lsan_interface.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>

#include "drivers/variable/authentication/library_memory.hpp"
#include "drivers/variable/authentication/signature.hpp"
#include "drivers/variable/authentication/test_signing.hpp"

// The library's allocations, its verifications of certificates and its looks at the clock: the linker sends them here.
extern "C" {
int __real_mbedtls_x509_time_is_past(const mbedtls_x509_time* time);
int __wrap_mbedtls_x509_time_is_past(const mbedtls_x509_time* time);
int __real_mbedtls_x509_time_is_future(const mbedtls_x509_time* time);
int __wrap_mbedtls_x509_time_is_future(const mbedtls_x509_time* time);
void* __real_calloc(std::size_t count, std::size_t size);
void* __wrap_calloc(std::size_t count, std::size_t size);
int __real_mbedtls_pk_verify_ext(mbedtls_pk_type_t type, const void* options, mbedtls_pk_context* key,
                                 mbedtls_md_type_t digest, const unsigned char* hash, std::size_t hash_size,
                                 const unsigned char* signature, std::size_t signature_size);
int __wrap_mbedtls_pk_verify_ext(mbedtls_pk_type_t type, const void* options, mbedtls_pk_context* key,
                                 mbedtls_md_type_t digest, const unsigned char* hash, std::size_t hash_size,
                                 const unsigned char* signature, std::size_t signature_size);
}

namespace {
std::size_t allocations_left = SIZE_MAX;
std::size_t certificates_verified = 0;
bool has_clock = true;
}  // namespace

// In images the library's clock fails, and all times are past and to come.
int __wrap_mbedtls_x509_time_is_past(const mbedtls_x509_time* time) {
  return has_clock ? __real_mbedtls_x509_time_is_past(time) : 1;
}

int __wrap_mbedtls_x509_time_is_future(const mbedtls_x509_time* time) {
  return has_clock ? __real_mbedtls_x509_time_is_future(time) : 1;
}

void* __wrap_calloc(std::size_t count, std::size_t size) {
  if (allocations_left == 0) {
    return nullptr;
  }
  --allocations_left;
  return __real_calloc(count, size);
}

int __wrap_mbedtls_pk_verify_ext(mbedtls_pk_type_t type, const void* options, mbedtls_pk_context* key,
                                 mbedtls_md_type_t digest, const unsigned char* hash, std::size_t hash_size,
                                 const unsigned char* signature, std::size_t signature_size) {
  ++certificates_verified;
  return __real_mbedtls_pk_verify_ext(type, options, key, digest, hash, hash_size, signature, signature_size);
}

namespace redoubt::variable {
namespace {

using namespace test;

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Message = std::unique_ptr<PKCS7, Release<PKCS7_free>>;
using Memory = std::unique_ptr<BIO, Release<BIO_free_all>>;

void must(bool success) {
  if (!success) {
    std::abort();
  }
}

// A key of `bits`, one for each `name`: making them takes long.
EVP_PKEY* key(unsigned bits, const std::string& name) {
  static std::map<std::pair<unsigned, std::string>, Key> keys;
  Key& found = keys[{bits, name}];
  if (found == nullptr) {
    found.reset(EVP_RSA_gen(bits));
    must(found != nullptr);
  }
  return found.get();
}

struct Shape {
  int version = 3;
  bool authority = true;
  int path_length = -1;             // of basic constraints; negative: none
  const char* key_usage = nullptr;  // an extension in OpenSSL's words, as the next ones
  const char* extended_usage = nullptr;
  const char* unknown_extension = nullptr;
  const EVP_MD* digest = EVP_sha256();
  long days = 1000;  // until it expires
  long serial = 0;   // 0: a new one
};

void add_extension(X509& certificate, int id, const char* value) {
  if (value != nullptr) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
    must(extension != nullptr && X509_add_ext(&certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
}

// A certificate for `subject_key`; without an issuer its own.
Certificate certify(const std::string& name, EVP_PKEY* subject_key, X509* issuer, EVP_PKEY* issuer_key,
                    const Shape& shape = {}) {
  static long serial = 1000;
  Certificate certificate(X509_new());
  X509& made = *certificate;
  must(X509_set_version(&made, shape.version - 1) == 1);
  must(ASN1_INTEGER_set(X509_get_serialNumber(&made), shape.serial == 0 ? ++serial : shape.serial) == 1);
  X509_gmtime_adj(X509_getm_notBefore(&made), -100L * 24 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(&made), shape.days * 24 * 3600);
  must(X509_set_pubkey(&made, subject_key) == 1);
  must(X509_NAME_add_entry_by_txt(X509_get_subject_name(&made), "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
  must(X509_set_issuer_name(&made, X509_get_subject_name(issuer == nullptr ? &made : issuer)) == 1);
  if (shape.version == 3) {
    const std::string constraints = std::string("critical,CA:") + (shape.authority ? "TRUE" : "FALSE") +
                                    (shape.path_length < 0 ? "" : ",pathlen:" + std::to_string(shape.path_length));
    add_extension(made, NID_basic_constraints, constraints.c_str());
    add_extension(made, NID_key_usage, shape.key_usage);
    add_extension(made, NID_ext_key_usage, shape.extended_usage);
    add_extension(made, NID_netscape_comment, shape.unknown_extension);
  }
  must(X509_sign(&made, issuer_key == nullptr ? subject_key : issuer_key, shape.digest) > 0);
  return certificate;
}

template <auto write, typename T>
ByteVector encoding(T* object) {
  unsigned char* data = nullptr;
  const int size = write(object, &data);
  must(size > 0);
  const auto view = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
  ByteVector result(view.begin(), view.end());
  OPENSSL_free(data);
  return result;
}
ByteVector encoding_of(X509* certificate) { return encoding<i2d_X509>(certificate); }

const ByteVector content = bytes("the content that is signed");

Memory readable(Bytes data) { return Memory(BIO_new_mem_buf(data.data(), static_cast<int>(data.size()))); }

ByteVector sign(X509* certificate, EVP_PKEY* signing_key, const std::vector<X509*>& others,
                const EVP_MD* digest = EVP_sha256(), bool attributes = false) {
  STACK_OF(X509)* more = sk_X509_new_null();
  for (X509* other : others) {
    sk_X509_push(more, other);
  }
  const unsigned flags = PKCS7_BINARY | PKCS7_DETACHED | PKCS7_NOSMIMECAP;
  const Memory data = readable(content);
  const Message message(PKCS7_sign(nullptr, nullptr, more, data.get(), static_cast<int>(flags | PKCS7_PARTIAL)));
  must(message != nullptr);
  must(PKCS7_sign_add_signer(message.get(), certificate, signing_key, digest,
                             static_cast<int>(flags | (attributes ? 0U : PKCS7_NOATTR))) != nullptr);
  must(PKCS7_final(message.get(), data.get(), static_cast<int>(flags)) == 1);
  sk_X509_free(more);
  return encoding<i2d_PKCS7>(message.get());
}

// SignedData without ContentInfo: behind its object identifier, in [0].
ByteVector bare(const ByteVector& message) {
  must(message.at(1) == std::byte{0x82} && message.at(4) == std::byte{0x06} && message.at(15) == std::byte{0xA0});
  return {message.begin() + 19, message.end()};
}

// As edk2's Pkcs7Verify() asks: any purpose, trust in any certificate that is given, no clock. The level of security
// refuses what would be refused here: small keys, SHA-1.
bool openssl_trusts(Bytes message, Bytes anchor) {
  const __lsan::ScopedDisabler disabler;  // OpenSSL forgets some memory when it can't read a key
  const auto* data = reinterpret_cast<const unsigned char*>(message.data());
  const Message read(d2i_PKCS7(nullptr, &data, static_cast<long>(message.size())));
  if (read == nullptr || PKCS7_type_is_signed(read.get()) == 0) {
    return false;
  }
  const auto* trusted_data = reinterpret_cast<const unsigned char*>(anchor.data());
  const Certificate trusted(d2i_X509(nullptr, &trusted_data, static_cast<long>(anchor.size())));
  const std::unique_ptr<X509_STORE, Release<X509_STORE_free>> store(X509_STORE_new());
  must(trusted != nullptr && X509_STORE_add_cert(store.get(), trusted.get()) == 1);
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  X509_STORE_set_purpose(store.get(), X509_PURPOSE_ANY);
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(store.get()), 2);
  const Memory signed_content = readable(content);
  return PKCS7_verify(read.get(), nullptr, store.get(), signed_content.get(), nullptr, PKCS7_BINARY) == 1;
}

// Whether OpenSSL can read each certificate that `message`, which parse_signed_data() takes, has.
bool openssl_reads_certificates(Bytes message) {
  const __lsan::ScopedDisabler disabler;
  const SignedData parsed = *parse_signed_data(message);
  bool all = true;
  for (std::size_t index = 0; index < parsed.certificates.size(); ++index) {
    const Bytes der = parsed.certificates[index];
    const auto* data = reinterpret_cast<const unsigned char*>(der.data());
    const Certificate certificate(d2i_X509(nullptr, &data, static_cast<long>(der.size())));
    all = all && certificate != nullptr;
  }
  return all;
}

bool is_trusted_now(Bytes message, Bytes anchor) {
  Signature signature;
  return signature.read(message).has_value() && signature.verify({{content}}).has_value() && signature.leads_to(anchor);
}

// As in images, and with a clock: no difference.
bool is_trusted(Bytes message, Bytes anchor) {
  const bool result = is_trusted_now(message, anchor);
  has_clock = false;
  EXPECT_EQ(is_trusted_now(message, anchor), result);
  has_clock = true;
  return result;
}

class BesideOpenSsl : public testing::Test {
 protected:
  // Both, for a message with ContentInfo and for the one without.
  void expect(bool trusted, const ByteVector& message, X509* anchor, const std::string& what) {
    const ByteVector der = encoding_of(anchor);
    EXPECT_EQ(openssl_trusts(message, der), trusted) << what;
    EXPECT_EQ(is_trusted(message, der), trusted) << what;
    EXPECT_EQ(is_trusted(bare(message), der), trusted) << what;
  }
  void expect_stricter(const ByteVector& message, X509* anchor, const std::string& what) {
    const ByteVector der = encoding_of(anchor);
    EXPECT_TRUE(openssl_trusts(message, der)) << what;
    EXPECT_FALSE(is_trusted(message, der)) << what;
  }

  HeapAllocator allocator;
  LibraryMemoryScope scope{allocator};
};

TEST_F(BesideOpenSsl, KeysDigestsAndChains) {
  EVP_PKEY* stranger_key = key(2048, "stranger");
  const Certificate stranger = certify("Stranger", stranger_key, nullptr, nullptr);
  for (const unsigned bits : {2048U, 3072U, 4096U}) {
    for (const EVP_MD* digest : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
      const Shape shape{.digest = digest};
      EVP_PKEY* root_key = key(bits, "root");
      EVP_PKEY* middle_key = key(2048, "middle");
      EVP_PKEY* leaf_key = key(bits, "leaf");
      const Certificate root = certify("Root", root_key, nullptr, nullptr, shape);
      const Certificate middle = certify("Middle", middle_key, root.get(), root_key, shape);
      const Certificate leaf =
          certify("Leaf", leaf_key, middle.get(), middle_key, {.authority = false, .digest = digest});
      const Certificate child = certify("Child", leaf_key, root.get(), root_key, {.authority = false});
      for (const bool attributes : {false, true}) {
        const std::string what =
            std::to_string(bits) + ' ' + EVP_MD_get0_name(digest) + (attributes ? " attributes" : "");
        const ByteVector alone = sign(root.get(), root_key, {}, digest, attributes);
        expect(true, alone, root.get(), what + " alone");
        expect(false, alone, stranger.get(), what + " alone, stranger");
        const ByteVector two = sign(child.get(), leaf_key, {}, digest, attributes);
        expect(true, two, root.get(), what + " of two");
        expect(true, two, child.get(), what + " itself");
        expect(false, two, middle.get(), what + " the other's");
        const ByteVector three = sign(leaf.get(), leaf_key, {root.get(), middle.get()}, digest, attributes);
        for (X509* anchor : {root.get(), middle.get(), leaf.get()}) {
          expect(true, three, anchor, what + " of three");
        }
        expect(false, three, stranger.get(), what + " of three, stranger");
        const ByteVector gap = sign(leaf.get(), leaf_key, {root.get()}, digest, attributes);
        expect(false, gap, root.get(), what + " with a gap");
        expect(true, gap, middle.get(), what + " with a gap, the middle");
        ByteVector twice =
            sign(leaf.get(), leaf_key, {middle.get(), middle.get(), root.get(), middle.get()}, digest, attributes);
        expect(true, twice, root.get(), what + " duplicates");
      }
    }
  }
}

TEST_F(BesideOpenSsl, WhoMayIssue) {
  EVP_PKEY* root_key = key(2048, "root");
  EVP_PKEY* middle_key = key(2048, "middle");
  EVP_PKEY* leaf_key = key(2048, "leaf");
  const Shape end{.authority = false};
  const auto below = [&](const Shape& of_root, const Shape& of_middle, const Shape& of_leaf, bool trusted,
                         const std::string& what) {
    const Certificate root = certify("Root", root_key, nullptr, nullptr, of_root);
    const Certificate middle = certify("Middle", middle_key, root.get(), root_key, of_middle);
    const Certificate leaf = certify("Leaf", leaf_key, middle.get(), middle_key, of_leaf);
    expect(trusted, sign(leaf.get(), leaf_key, {middle.get(), root.get()}), root.get(), what);
  };
  below({}, {}, end, true, "as it should be");
  below({}, {}, {}, true, "an authority signs");
  below({}, {.authority = false}, end, false, "no authority");
  below({}, {.version = 1}, end, false, "version 1 in the middle");
  below({.version = 1}, {}, end, true, "version 1 as root");
  below({}, {}, {.version = 1}, true, "version 1 as signer");
  below({.authority = false}, {}, end, false, "root is no authority");
  below({}, {.path_length = 0}, end, true, "path of none");
  below({.path_length = 0}, {}, end, false, "root allows none in between");
  below({.path_length = 1}, {}, end, true, "root allows one in between");
  below({}, {.key_usage = "critical,digitalSignature"}, end, false, "issuer's key is for signatures only");
  below({}, {.key_usage = "critical,keyCertSign"}, end, true, "issuer's key is for certificates");
  below({.key_usage = "digitalSignature"}, {}, end, false, "root's key is for signatures only");
  below({}, {}, {.authority = false, .extended_usage = "critical,codeSigning"}, true, "usage of the signer's key");
  below({}, {}, {.authority = false, .extended_usage = "serverAuth"}, true, "usage for something else");
  below({}, {}, {.authority = false, .days = -3}, true, "an expired signer");
  below({}, {.days = -3}, end, true, "an expired issuer");
  below({.days = -3}, {}, end, true, "an expired root");
  below({}, {.digest = EVP_sha1()}, end, false, "SHA-1 below the root");
  below({.digest = EVP_sha1()}, {}, end, true, "SHA-1 in the root's signature of itself");
  below({}, {.unknown_extension = "a comment"}, end, true, "an extension without meaning");
}

TEST_F(BesideOpenSsl, SmallKeys) {
  EVP_PKEY* root_key = key(2048, "root");
  EVP_PKEY* small = key(1024, "small");
  const Certificate root = certify("Root", root_key, nullptr, nullptr);
  const Certificate leaf = certify("Leaf", small, root.get(), root_key);
  expect(false, sign(leaf.get(), small, {root.get()}), root.get(), "1024 bits");
  const Certificate below = certify("Below", key(2048, "leaf"), leaf.get(), small);
  expect(false, sign(below.get(), key(2048, "leaf"), {leaf.get(), root.get()}), root.get(), "1024 bits in between");
  EVP_PKEY* large = key(4608, "large");
  const Certificate too_large = certify("Leaf", large, root.get(), root_key);
  expect_stricter(sign(too_large.get(), large, {root.get()}), root.get(), "more than 4096 bits only cost time");
}

TEST_F(BesideOpenSsl, SameNameAnotherKey) {
  EVP_PKEY* root_key = key(2048, "root");
  EVP_PKEY* other_key = key(2048, "other");
  EVP_PKEY* middle_key = key(2048, "middle");
  EVP_PKEY* leaf_key = key(2048, "leaf");
  const Certificate root = certify("Root", root_key, nullptr, nullptr, {.serial = 7});
  const Certificate forged_root = certify("Root", other_key, nullptr, nullptr, {.serial = 7});
  const Certificate middle = certify("Middle", middle_key, root.get(), root_key, {.serial = 8});
  const Certificate forged_middle = certify("Middle", other_key, forged_root.get(), other_key, {.serial = 8});
  const Certificate leaf = certify("Leaf", leaf_key, middle.get(), middle_key, {.authority = false});
  const Certificate forged_leaf = certify("Leaf", leaf_key, forged_middle.get(), other_key, {.authority = false});
  expect(false, sign(forged_root.get(), other_key, {}), root.get(), "a root of the same name and number");
  expect(false, sign(forged_root.get(), other_key, {root.get()}), root.get(), "with the true one");
  expect(false, sign(forged_middle.get(), other_key, {root.get()}), root.get(), "below a root of the same name");
  expect(false, sign(forged_leaf.get(), leaf_key, {middle.get(), root.get()}), root.get(), "below a wrong issuer");
  expect(false, sign(forged_leaf.get(), leaf_key, {forged_middle.get(), forged_root.get(), root.get()}), root.get(),
         "a whole forged chain");
  expect(true, sign(forged_leaf.get(), leaf_key, {forged_middle.get(), forged_root.get()}), forged_root.get(),
         "its own chain");
  expect(true, sign(leaf.get(), leaf_key, {middle.get(), root.get(), forged_root.get()}), root.get(),
         "the true chain with a forged root beside it");
  // Another certificate with the signer's issuer and number may be taken for it, and then nothing is signed.
  const Certificate twin = certify("Leaf", other_key, middle.get(), middle_key, {.authority = false, .serial = 99});
  const Certificate signer = certify("Leaf", leaf_key, middle.get(), middle_key, {.authority = false, .serial = 99});
  const ByteVector of_root = encoding_of(root.get());
  for (const ByteVector& message : {sign(signer.get(), leaf_key, {middle.get(), twin.get()}),
                                    sign(twin.get(), other_key, {middle.get(), signer.get()})}) {
    EXPECT_TRUE(openssl_trusts(message, of_root) || !is_trusted(message, of_root));
  }
}

// Two issuers of one name, of which the first doesn't fit: its place in the message decides nothing.
TEST_F(BesideOpenSsl, TheRightOneOfTwoIssuers) {
  EVP_PKEY* root_key = key(2048, "root");
  EVP_PKEY* leaf_key = key(2048, "leaf");
  const Certificate root = certify("Root", root_key, nullptr, nullptr);
  const Certificate first = certify("Middle", key(2048, "middle"), root.get(), root_key);
  const Certificate second = certify("Middle", key(2048, "other"), root.get(), root_key);
  const ByteVector der = encoding_of(root.get());
  int theirs = 0;
  for (const auto& [issuer, issuer_key] :
       {std::pair(first.get(), key(2048, "middle")), std::pair(second.get(), key(2048, "other"))}) {
    const Certificate leaf = certify("Leaf", leaf_key, issuer, issuer_key, {.authority = false});
    for (const std::vector<X509*>& others :
         {std::vector{first.get(), second.get()}, std::vector{second.get(), first.get()}}) {
      const ByteVector message = sign(leaf.get(), leaf_key, others);
      EXPECT_TRUE(is_trusted(message, der));
      theirs += openssl_trusts(message, der) ? 1 : 0;
    }
  }
  EXPECT_EQ(theirs, 2) << "OpenSSL goes on with one of them";
}

TEST_F(BesideOpenSsl, StricterForms) {
  EVP_PKEY* root_key = key(2048, "root");
  const Certificate root = certify("Root", root_key, nullptr, nullptr);
  const ByteVector good = sign(root.get(), root_key, {});
  expect(true, good, root.get(), "as it is");
  ByteVector longer = good;
  longer.push_back(std::byte{0});
  expect_stricter(longer, root.get(), "a byte behind the message");
  ByteVector indefinite = {good[0], std::byte{0x80}};
  append(indefinite, Bytes(good).subspan(4));
  indefinite.resize(indefinite.size() + 2);
  expect_stricter(indefinite, root.get(), "BER's indefinite length");
  ByteVector overlong = {good[0], std::byte{0x83}, std::byte{0}, good[2], good[3]};
  append(overlong, Bytes(good).subspan(4));
  expect_stricter(overlong, root.get(), "BER's overlong length");
}

// Whatever is changed in a message: nothing is trusted that OpenSSL doesn't trust, and what it trusts besides breaks a
// rule of form.
TEST_F(BesideOpenSsl, ChangedMessages) {
  EVP_PKEY* root_key = key(2048, "root");
  EVP_PKEY* middle_key = key(2048, "middle");
  EVP_PKEY* leaf_key = key(2048, "leaf");
  const Certificate root = certify("Root", root_key, nullptr, nullptr);
  const Certificate middle = certify("Middle", middle_key, root.get(), root_key);
  const Certificate leaf = certify("Leaf", leaf_key, middle.get(), middle_key, {.authority = false});
  const ByteVector messages[] = {
      sign(root.get(), root_key, {}),
      sign(root.get(), root_key, {}, EVP_sha512(), true),
      sign(leaf.get(), leaf_key, {middle.get(), root.get()}, EVP_sha384()),
      sign(leaf.get(), leaf_key, {middle.get()}, EVP_sha256(), true),
  };
  const ByteVector anchor = encoding_of(root.get());
  std::mt19937 random(11);
  int accepted = 0;
  int stricter = 0;
  int broken_certificates = 0;
  const auto compare = [&](const ByteVector& changed, const std::string& what) {
    const bool ours = is_trusted(changed, anchor);
    const bool theirs = openssl_trusts(changed, anchor);
    accepted += ours ? 1 : 0;
    stricter += theirs && !ours ? 1 : 0;
    if (ours && !theirs) {
      // A certificate that isn't needed and can't be read is left out here; OpenSSL reads all or nothing.
      EXPECT_FALSE(openssl_reads_certificates(changed)) << what;
      ++broken_certificates;
    } else if (theirs && !ours) {
      // The message's form isn't as it should be, or the signer isn't named as its certificate names it.
      Signature signature;
      EXPECT_FALSE(signature.read(changed).has_value()) << what;
    }
  };
  for (const ByteVector& message : messages) {
    ASSERT_TRUE(is_trusted(message, anchor));
    for (std::size_t index = 0; index < message.size(); ++index) {
      ByteVector changed = message;
      changed[index] ^= static_cast<std::byte>(1U << (random() % 8));
      compare(changed, std::to_string(&message - messages) + ": bit flipped in byte " + std::to_string(index));
    }
    for (int count = 0; count < 300; ++count) {
      ByteVector changed = message;
      const std::size_t at = random() % changed.size();
      switch (random() % 3) {
        case 0: changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(at)); break;
        case 1:
          changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::byte>(random()));
          break;
        default:
          for (int changes = 0; changes < 3; ++changes) {
            changed[random() % changed.size()] = static_cast<std::byte>(random());
          }
          break;
      }
      compare(changed, std::to_string(&message - messages) + ": change " + std::to_string(count));
    }
  }
  RecordProperty("accepted", accepted);
  RecordProperty("stricter", stricter);
  RecordProperty("broken_certificates", broken_certificates);
  EXPECT_GT(stricter, 0) << "OpenSSL takes more than DER";
}

// Whichever allocation fails: what isn't right isn't trusted for it, and nothing is left over.
TEST_F(BesideOpenSsl, EachAllocationMayFail) {
  EVP_PKEY* root_key = key(2048, "root");
  EVP_PKEY* middle_key = key(2048, "middle");
  EVP_PKEY* leaf_key = key(2048, "leaf");
  const Certificate root = certify("Root", root_key, nullptr, nullptr);
  const Certificate forged = certify("Root", key(2048, "other"), nullptr, nullptr);
  const Certificate middle = certify("Middle", middle_key, root.get(), root_key);
  const Certificate leaf = certify("Leaf", leaf_key, middle.get(), middle_key, {.authority = false});
  const ByteVector message = sign(leaf.get(), leaf_key, {middle.get(), root.get()}, EVP_sha256(), true);
  ByteVector damaged = message;
  damaged.back() ^= std::byte{1};
  const ByteVector anchor = encoding_of(root.get());
  const ByteVector other = encoding_of(forged.get());
  const auto within = [](std::size_t count, const ByteVector& signature, const ByteVector& trusted) {
    allocations_left = count;
    const bool result = is_trusted_now(signature, trusted);
    allocations_left = SIZE_MAX;
    return result;
  };
  std::size_t count = 0;
  while (!within(count, message, anchor)) {
    EXPECT_FALSE(within(count, damaged, anchor)) << count;
    EXPECT_FALSE(within(count, message, other)) << count;
    ASSERT_LT(++count, 1000U);
  }
  EXPECT_GT(count, 20U);
}

// The work that a message can cause has a bound: as many verifications as an evil message of the most certificates
// takes, for each trusted certificate of the name that they all have, and none for those of other names.
TEST_F(BesideOpenSsl, TheWorkForAMessageIsBounded) {
  EVP_PKEY* evil_key = key(2048, "evil");
  std::vector<Certificate> made;
  std::vector<X509*> others;
  for (std::size_t index = 1; index < SignedData::most_certificates; ++index) {
    made.push_back(certify("Same", evil_key, nullptr, nullptr));
    others.push_back(made.back().get());
  }
  const Certificate signer = certify("Same", evil_key, nullptr, nullptr);
  const ByteVector message = sign(signer.get(), evil_key, others);
  has_clock = false;  // then none of the certificates ends the library's search
  certificates_verified = 0;
  Signature signature;
  ASSERT_TRUE(signature.read(message).has_value());
  ASSERT_TRUE(signature.verify({{content}}).has_value());
  constexpr std::size_t most = SignedData::most_certificates;
  EXPECT_LE(certificates_verified, most * (most - 1) / 2) << "in search of a chain";
  const Certificate same = certify("Same", key(2048, "root"), nullptr, nullptr);
  const Certificate another = certify("Another", key(2048, "root"), nullptr, nullptr);
  certificates_verified = 0;
  EXPECT_FALSE(signature.leads_to(encoding_of(another.get())));
  EXPECT_EQ(certificates_verified, 0U);
  {
    // Nor does it help to name them as issuers of certificates that don't belong to the chain.
    const Certificate bait = certify("Bait", evil_key, another.get(), evil_key);
    others.back() = bait.get();
    const ByteVector with_bait = sign(signer.get(), evil_key, others);
    Signature baited;
    ASSERT_TRUE(baited.read(with_bait).has_value());
    certificates_verified = 0;
    EXPECT_FALSE(baited.leads_to(encoding_of(another.get())));
    EXPECT_EQ(certificates_verified, 0U);
  }
  EXPECT_FALSE(signature.leads_to(encoding_of(same.get())));
  EXPECT_LE(certificates_verified, most * (most + 1) / 2) << "for a trusted certificate";
  has_clock = true;
  EXPECT_GT(certificates_verified, 0U);
  RecordProperty("verified", static_cast<int>(certificates_verified));
}

}  // namespace
}  // namespace redoubt::variable
