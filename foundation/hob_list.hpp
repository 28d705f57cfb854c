// SPDX-License-Identifier: BSD-2-Clause-Patent
// The HOB list that MM drivers get (configuration table gEfiHobListGuid): a copy of what PEI left, checked and
// reduced. Its input was written by PEI before MMRAM was locked; a broken or hostile list must cost drivers their HOBs
// at most. What a driver would follow out of its reach is left out (PI 1.9, volume 3, chapter 5): firmware volumes, all
// of them, since no driver can read one; capsules and pools; descriptions of memory that claim a part of MMRAM, that
// wrap, or that overlap one another; modules whose entry point lies elsewhere; maps of MMRAM that contradict
// themselves.
#pragma once

#include <cstdint>

#include "abi/pi/hob_cursor.hpp"
#include "base/byte_reader.hpp"
#include "base/result.hpp"

namespace redoubt::foundation {

// What of a list is passed on.
struct HobListSummary {
  std::size_t bytes = 0;  // of the reduced list, its end included
  std::size_t kept = 0;   // HOBs, the end not counted
  std::size_t dropped = 0;
};

// Walks `source` and, if `destination` isn't empty, writes the reduced list there. Both passes give the same summary.
// The first HOB must be the hand-off HOB and the list must end inside `source`; Error::malformed otherwise, also for
// a HOB whose length is wrong for its type. Error::invalid_argument if `destination` is too small.
// `target_address` is where drivers will see the list: the hand-off HOB names its end.
Result<HobListSummary> reduce_hob_list(Bytes source, std::uint64_t mmram_base, std::uint64_t mmram_size,
                                       std::uint64_t target_address, MutableBytes destination);

// Calls visit(base, size) for each EFI_HOB_FIRMWARE_VOLUME of a list that reduce_hob_list accepted.
template <typename Visit>
void for_each_firmware_volume(Bytes list, Visit visit) {
  abi::HobCursor cursor(list);
  while (const auto hob = cursor.next()) {
    const auto volume = hob->type == abi::HobType::firmware_volume ? hob->read<abi::HobFirmwareVolume>() : std::nullopt;
    if (volume) visit(volume->base, volume->length);
  }
}

}  // namespace redoubt::foundation
