// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a FDF file that includes itself under other names: read or refused, in bounded time and memory.
#include <cstdint>

#include "tool/port/metadata/fdf.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt::port;
  const std::string text(data, data + size);
  DirectiveInput input;
  input.given = {{"GIVEN", "TRUE"}};
  // Four names for one text: includes may nest that deep, and then end as a cycle.
  input.include = [&text](const std::string& path, const std::string&,
                          const Place& place) -> ReadResult<std::shared_ptr<const Document>> {
    if (path.size() != 1 || path.front() < '0' || path.front() > '3') {
      return refuse(place, "no such file");
    }
    auto document = Document::parse(path, text);
    if (!document.has_value()) {
      return std::unexpected(document.error());
    }
    return std::make_shared<const Document>(std::move(*document));
  };
  auto document = Document::parse("fuzz.fdf", text);
  if (document.has_value()) {
    static_cast<void>(read_fdf(std::make_shared<const Document>(std::move(*document)), input));
  }
  return 0;
}
