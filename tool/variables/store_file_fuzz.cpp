// SPDX-License-Identifier: BSD-2-Clause-Patent
// A file that may be a flash image: whatever volumes are found in it lie within it, and can be inspected.
#include <cstdint>
#include <cstdlib>

#include "drivers/variable/store/inspection.hpp"
#include "tool/variables/store_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt;
  const Bytes file = std::as_bytes(std::span(data, size));
  const auto places = tool::variables::find_volumes("file", file);
  if (!places.has_value()) {
    if (places.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  for (const tool::variables::VolumePlace& place : *places) {
    if (!place.layout.is_sound() || !slice(file, place.offset, place.layout.volume_size).has_value()) {
      std::abort();
    }
    for (const variable::Finding& finding :
         variable::inspect(file.subspan(place.offset, place.layout.volume_size), place.layout)) {
      if (finding.offset >= place.layout.volume_size) {
        std::abort();
      }
    }
  }
  return 0;
}
