// SPDX-License-Identifier: BSD-2-Clause-Patent
// How much memory and how much stack the largest signatures take that are accepted. This program is linked with
// --wrap=calloc and --wrap=free, so that the cryptographic library has a LibraryMemory here as it has in images.
#include <gtest/gtest.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>
#include <pthread.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>

#include "abi/uefi/signatures.hpp"
#include "drivers/variable/authentication/library_memory.hpp"
#include "drivers/variable/authentication/signature.hpp"
#include "drivers/variable/authentication/signature_list.hpp"
#include "drivers/variable/authentication/test_signing.hpp"

namespace {

using redoubt::variable::LibraryMemory;
using redoubt::variable::LibraryMemoryScope;

// Of one scope, from its first piece on. To be cleared before each.
struct Use {
  LibraryMemory* memory = nullptr;
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  unsigned refused = 0;

  bool holds(const void* piece) const {
    const auto address = reinterpret_cast<std::uintptr_t>(piece);
    return memory != nullptr && memory == LibraryMemoryScope::current() && address >= start && address < end;
  }
  std::size_t peak() const { return end - start; }
};
constinit Use use;

}  // namespace

extern "C" {
void* __real_calloc(std::size_t count, std::size_t size);
void __real_free(void* memory);

void* __wrap_calloc(std::size_t count, std::size_t size) {
  LibraryMemory* memory = LibraryMemoryScope::current();
  if (memory == nullptr) {
    return __real_calloc(count, size);
  }
  void* piece = memory->allocate_cleared(count, size);
  if (piece == nullptr) {
    ++use.refused;
    return nullptr;
  }
  // The first piece is where the arena starts, but for its header.
  const auto address = reinterpret_cast<std::uintptr_t>(piece);
  if (use.memory == nullptr) {
    use.memory = memory;
    use.start = use.end = address - LibraryMemory::alignment;
  }
  use.end = std::max(use.end, address + count * size);
  return piece;
}

void __wrap_free(void* memory) {
  if (use.holds(memory)) {
    use.memory->release(memory);
  } else {
    __real_free(memory);
  }
}

// Locals stay on the stack, which is measured.
const char* __asan_default_options() { return "detect_stack_use_after_return=0"; }
}

namespace redoubt::variable {
namespace {

using namespace test;

constexpr std::size_t driver_stack = std::size_t{64} * 1024;  // supervisor/supervisor.hpp: domain_stack_pages
const ByteVector content = bytes("what is signed");

std::string name_of(unsigned level) {
  return "CN=Level " + std::to_string(level) +
         " of the longest chain of certificates,OU=Department of Firmware and Long Names,O=A Vendor of Computers with "
         "a Name of Some Length Limited,L=Llanfairpwllgwyngyll,ST=Isle of Anglesey,C=GB";
}

struct KeyPair : mbedtls_pk_context {
  KeyPair() : mbedtls_pk_context() {
    mbedtls_pk_init(this);
    const ByteVector der = fixture("largest.key");
    EXPECT_EQ(mbedtls_pk_parse_key(this, reinterpret_cast<const unsigned char*>(der.data()), der.size(), nullptr, 0),
              0);
  }
  KeyPair(const KeyPair&) = delete;
  KeyPair& operator=(const KeyPair&) = delete;
  ~KeyPair() { mbedtls_pk_free(this); }
};

// The certificate of a level, issued by the next one. All have the same key.
ByteVector certificate_of(unsigned level, KeyPair& key, const ByteVector& alternative_names = {}) {
  mbedtls_x509write_cert writer;
  mbedtls_x509write_crt_init(&writer);
  mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA512);
  mbedtls_x509write_crt_set_subject_key(&writer, &key);
  mbedtls_x509write_crt_set_issuer_key(&writer, &key);
  mbedtls_mpi serial;
  mbedtls_mpi_init(&serial);
  mbedtls_mpi_lset(&serial, mbedtls_mpi_sint{level} + 1);
  int result = mbedtls_x509write_crt_set_serial(&writer, &serial);
  result |= mbedtls_x509write_crt_set_subject_name(&writer, name_of(level).c_str());
  result |= mbedtls_x509write_crt_set_issuer_name(&writer, name_of(level + 1).c_str());
  result |= mbedtls_x509write_crt_set_validity(&writer, "20260101000000", "20460101000000");
  result |= mbedtls_x509write_crt_set_basic_constraints(&writer, 1, -1);
  result |= mbedtls_x509write_crt_set_key_usage(&writer, MBEDTLS_X509_KU_KEY_CERT_SIGN);
  result |= mbedtls_x509write_crt_set_subject_key_identifier(&writer);
  result |= mbedtls_x509write_crt_set_authority_key_identifier(&writer);
  if (!alternative_names.empty()) {
    result |= mbedtls_x509write_crt_set_extension(
        &writer, MBEDTLS_OID_SUBJECT_ALT_NAME, MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
        reinterpret_cast<const unsigned char*>(alternative_names.data()), alternative_names.size());
  }
  std::vector<unsigned char> buffer(std::size_t{64} * 1024);
  const int size = mbedtls_x509write_crt_der(&writer, buffer.data(), buffer.size(), nullptr, nullptr);
  mbedtls_mpi_free(&serial);
  mbedtls_x509write_crt_free(&writer);
  EXPECT_EQ(result, 0);
  EXPECT_GT(size, 0);
  const auto all = std::as_bytes(std::span(buffer));
  return {all.end() - size, all.end()};
}

// As many levels as a message may have certificates, and the one above them.
struct Chain {
  KeyPair key;
  std::vector<ByteVector> certificates;

  Chain() {
    for (unsigned level = 0; level <= SignedData::most_certificates; ++level) {
      certificates.push_back(certificate_of(level, key));
    }
  }
  Signer signer() const {
    return Signer("largest", certificates[0], {certificates.begin() + 1, certificates.end() - 1});
  }
};

TEST(MemoryLimits, TheLargestSignaturesLeaveHalfOfTheMemory) {
  const Chain chain;
  const ByteVector message = chain.signer().sign(content);
  const Bytes parts[] = {content};
  unsigned trusted = 0;
  std::size_t most = 0;
  for (const ByteVector& anchor : chain.certificates) {
    HeapAllocator allocator;
    use = {};
    {
      const LibraryMemoryScope scope(allocator);
      Signature signature;
      ASSERT_TRUE(signature.read(message).has_value());
      EXPECT_TRUE(signature.verify(parts).has_value());
      trusted += signature.leads_to(anchor) ? 1U : 0U;
    }
    EXPECT_EQ(use.refused, 0U);
    EXPECT_LE(use.peak(), LibraryMemoryScope::arena_size / 2);
    most = std::max(most, use.peak());
  }
  RecordProperty("memory_bytes", static_cast<int>(most));
  EXPECT_EQ(trusted, 10U) << "the signer's own certificate, its issuer, and 8 with others in between";
}

// The library keeps a node for each of them. It has no more memory than this message's, and that is given back.
TEST(MemoryLimits, ACertificateThatTakesMoreIsRefused) {
  const Chain chain;
  ByteVector names;
  for (unsigned index = 0; index < 5000; ++index) {
    append(names, der(0x82, {bytes("a")}));
  }
  KeyPair key;
  const Signer signer("largest", certificate_of(0, key, der(0x30, {names})));
  const ByteVector message = signer.sign(content);
  HeapAllocator allocator;
  use = {};
  const LibraryMemoryScope scope(allocator);
  {
    Signature signature;
    EXPECT_EQ(signature.read(message).error(), Error::not_found);
  }
  EXPECT_GT(use.refused, 0U);
  EXPECT_NE(LibraryMemoryScope::current()->allocate_cleared(1, LibraryMemoryScope::arena_size - 16), nullptr);
}

struct OwnStack {
  const std::function<void()>& work;
  unsigned char* bottom;
  std::size_t used = 0;
};

// Paints all of the stack below its own frame, and looks at how far down the paint is gone after the work.
[[gnu::noinline, clang::no_sanitize("address")]] void run_painted(OwnStack& stack) {
  constexpr unsigned char paint = 0xA5;
  constexpr std::size_t own_frame = 256;
  auto* const top = static_cast<unsigned char*>(__builtin_frame_address(0)) - own_frame;
  for (volatile unsigned char* byte = stack.bottom; byte != top; ++byte) {
    *byte = paint;
  }
  stack.work();
  const unsigned char* lowest = stack.bottom;
  while (lowest != top && *lowest == paint) {
    ++lowest;
  }
  stack.used = static_cast<std::size_t>(top - lowest) + own_frame;
}

// How many bytes of stack `work` takes, on a stack of its own.
std::size_t stack_of(const std::function<void()>& work) {
  constexpr std::size_t size = std::size_t{1024} * 1024;
  const std::unique_ptr<unsigned char, decltype(&std::free)> memory(
      static_cast<unsigned char*>(std::aligned_alloc(4096, size)), &std::free);
  OwnStack stack{work, memory.get()};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, memory.get(), size);
  pthread_t thread = 0;
  const auto body = [](void* argument) -> void* {
    run_painted(*static_cast<OwnStack*>(argument));
    return nullptr;
  };
  EXPECT_EQ(pthread_create(&thread, &attributes, body, &stack), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return stack.used;
}

// Sanitizers make frames of this tree larger than those in images; those of the library are the same.
TEST(MemoryLimits, SignedWritesTakeLessThanHalfOfADriversStack) {
  const Chain chain;
  const Signer pk("pk");
  const abi::Time time = {2026, 11, 1, 12, 0, 0, 0, 0, 0, 0, 0};
  constexpr VariableId db{image_security_database_guid, u"db"};
  const ByteVector keys = signature_list(abi::signature_type::x509, {chain.certificates[8]});
  const ByteVector enrol_keys = Signer::described(time, {}, keys);
  const ByteVector enrol_owner = pk.update(platform_key, attribute::nv_bs_rt_at, time,
                                           signature_list(abi::signature_type::x509, {pk.certificate()}));
  const ByteVector update = chain.signer().update(db, attribute::nv_bs_rt_at, time, keys);
  Machine machine;
  const auto set = [&](const VariableId& id, const ByteVector& data) {
    use = {};
    return machine.services->set(Requester::message, id, attribute::nv_bs_rt_at, data);
  };
  abi::EfiStatus results[3] = {};
  const std::size_t used = stack_of([&] {
    results[0] = set(key_exchange_key, enrol_keys);
    results[1] = set(platform_key, enrol_owner);
    results[2] = set(db, update);
  });
  for (const abi::EfiStatus result : results) {
    EXPECT_EQ(result, abi::status::success);
  }
  EXPECT_GT(used, 4096U) << "it wasn't measured";
  EXPECT_LT(used, driver_stack / 2);
  RecordProperty("stack_bytes", static_cast<int>(used));
}

}  // namespace
}  // namespace redoubt::variable
