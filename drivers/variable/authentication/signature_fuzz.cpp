// SPDX-License-Identifier: BSD-2-Clause-Patent
// PKCS#7 messages of any kind, as far as they get: parsing, the certificates in them, the signature over some content,
// the way to a trusted certificate. The first byte says where the input is cut in two: message and trusted certificate.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "drivers/variable/authentication/library_memory.hpp"
#include "drivers/variable/authentication/signature.hpp"
#include "drivers/variable/test_support.hpp"

using namespace redoubt;
using namespace redoubt::variable;

namespace {

bool is_inside(Bytes part, Bytes whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void examine(Bytes message, Bytes trusted) {
  if (const Result<SignedData> parsed = parse_signed_data(message); parsed.has_value()) {
    for (const Bytes part :
         {parsed->issuer, parsed->serial_number, parsed->attributes, parsed->message_digest, parsed->signature}) {
      if (!is_inside(part, message)) {
        std::abort();
      }
    }
    for (std::size_t index = 0; index < parsed->certificates.size(); ++index) {
      if (!is_inside(parsed->certificates[index], message)) {
        std::abort();
      }
    }
  }
  Signature signature;
  if (!signature.read(message).has_value()) {
    return;
  }
  const Bytes content[] = {trusted, message.first(1)};
  static_cast<void>(signature.verify(content));
  static_cast<void>(signature.leads_to(trusted));
  static_cast<void>(signature.signer_identity());
  // Whatever the signer's certificate is, it leads to itself.
  if (!signature.leads_to(signature.signer_certificate())) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::HeapAllocator allocator;
  const LibraryMemoryScope scope(allocator);
  const Bytes input = std::as_bytes(std::span(data, size));
  examine(input, {});
  if (!input.empty()) {
    const Bytes rest = input.subspan(1);
    const std::size_t cut = rest.size() * data[0] / 255;
    examine(rest.first(cut), rest.subspan(cut));
  }
  static_cast<void>(is_acceptable_certificate(input));
  return 0;
}
