// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a DSC file that includes itself under other names: read or refused, in bounded time and memory.
#include "tool/port/metadata/dsc.hpp"

#include "tool/port/metadata/directive_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt::port;
  read_self_including(data, size, "fuzz.dsc", read_dsc);
  return 0;
}
