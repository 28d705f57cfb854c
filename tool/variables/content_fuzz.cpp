// SPDX-License-Identifier: BSD-2-Clause-Patent
// Contents of variables as a hostile store may hold them. The first byte picks the variable; what comes out must be
// printable.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "drivers/variable/defined_variables.hpp"
#include "tool/variables/content.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt;
  if (size == 0) {
    return 0;
  }
  const variable::VariableId ids[] = {
      {variable::global_variable_guid, u"Boot0001"},     {variable::global_variable_guid, u"ConOut"},
      {variable::global_variable_guid, u"BootOrder"},    {variable::image_security_database_guid, u"db"},
      {variable::global_variable_guid, u"PlatformLang"}, {variable::global_variable_guid, u"OsIndications"},
  };
  const Bytes content = std::as_bytes(std::span(data + 1, size - 1));
  for (const std::string& line : tool::variables::describe_content(ids[data[0] % std::size(ids)], content)) {
    if (std::ranges::any_of(
            line, [](char character) { return static_cast<unsigned char>(character) < 0x20 || character == 0x7F; })) {
      std::abort();
    }
  }
  return 0;
}
