// SPDX-License-Identifier: BSD-2-Clause-Patent
// A file that may be a flash image: whatever volumes are found in it lie within it, and can be inspected. Where the
// inspection finds damage, and only there, firmware keeps the store closed; what can still be found lies in the volume.
#include <algorithm>
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
    const auto findings = variable::inspect(file.subspan(place.offset, place.layout.volume_size), place.layout);
    for (const variable::Finding& finding : findings) {
      if (finding.offset >= place.layout.volume_size) {
        std::abort();
      }
    }
    const auto damage = tool::variables::find_damage(file, place);
    const bool is_damaged =
        std::ranges::find(findings, variable::Severity::damage, &variable::Finding::severity) != findings.end();
    if (damage.has_value() != is_damaged) {
      std::abort();
    }
    if (!damage.has_value()) {
      continue;
    }
    for (const tool::variables::StoredVariable& found : damage->out_of_reach) {
      if (found.offset < place.offset || found.offset - place.offset >= place.layout.volume_size ||
          found.name.empty() || found.data.empty()) {
        std::abort();
      }
    }
    for (const tool::variables::Stretch& stretch : damage->unreadable) {
      if (stretch.offset < place.offset || stretch.size == 0 ||
          stretch.offset - place.offset + stretch.size > place.layout.volume_size) {
        std::abort();
      }
    }
  }
  return 0;
}
