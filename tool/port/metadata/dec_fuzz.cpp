// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a DEC file: read or refused, and what is read is written back byte for byte.
#include <cstdint>
#include <cstdlib>

#include "tool/port/metadata/dec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt::port;
  const std::string text(data, data + size);
  auto document = Document::parse("fuzz.dec", text);
  if (!document.has_value()) {
    return 0;
  }
  if (document->text() != text) {
    std::abort();
  }
  static_cast<void>(DecFile::parse(std::move(*document)));
  return 0;
}
