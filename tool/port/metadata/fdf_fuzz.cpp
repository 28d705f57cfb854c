// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a FDF file that includes itself under other names: read or refused, in bounded time and memory.
#include "tool/port/metadata/fdf.hpp"

#include "tool/port/metadata/directive_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt::port;
  read_self_including(data, size, "fuzz.fdf", read_fdf);
  return 0;
}
