// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the fuzzers of DSC and FDF files share: any bytes as a file that includes itself under other names.
#pragma once

#include <cstdint>

#include "tool/port/metadata/directives.hpp"

namespace redoubt::port {

// Has `read` read the bytes, as read_dsc() and read_fdf() do.
template <typename Read>
void read_self_including(const std::uint8_t* data, std::size_t size, const char* name, Read read) {
  const std::string text(data, data + size);
  DirectiveInput input;
  input.given = {{"GIVEN", "TRUE"}};
  // Four names for one text: includes may nest that deep, and then end as a cycle.
  input.include = [&text](const std::string& path, const std::string&,
                          const Place& place) -> ReadResult<std::shared_ptr<const Document>> {
    if (path.size() != 1 || path.front() < '0' || path.front() > '3') {
      return refuse(place, "no such file");
    }
    return std::make_shared<const Document>(TRY(Document::parse(path, text)));
  };
  auto document = Document::parse(name, text);
  if (document.has_value()) {
    static_cast<void>(read(std::make_shared<const Document>(std::move(*document)), input));
  }
}

}  // namespace redoubt::port
