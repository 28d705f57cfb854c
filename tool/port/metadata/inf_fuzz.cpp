// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a INF file: read or refused, and what is read is written back byte for byte.
#include <cstdint>
#include <cstdlib>

#include "tool/port/metadata/inf.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt::port;
  const std::string text(data, data + size);
  auto document = Document::parse("fuzz.inf", text);
  if (!document.has_value()) {
    return 0;
  }
  if (document->text() != text) {
    std::abort();
  }
  const auto inf = InfFile::parse(std::move(*document));
  if (!inf.has_value()) {
    return 0;
  }
  const Build build = {"X64", "DXE_SMM_DRIVER"};
  for (const char* kind : {"SOURCES", "PACKAGES", "LIBRARYCLASSES", "PROTOCOLS", "GUIDS"}) {
    static_cast<void>(inf->entries(kind, &build));
  }
  static_cast<void>(inf->pcds());
  static_cast<void>(inf->provided());
  static_cast<void>(inf->depex(build));
  return 0;
}
