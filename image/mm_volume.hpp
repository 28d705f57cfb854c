// SPDX-License-Identifier: BSD-2-Clause-Patent
// Finds MM drivers in the region that holds the MM firmware volumes (PI 1.9, volume 3, chapter 3): volumes one behind
// the other, and volumes inside files of them. The foundation discovers with it, the `redoubt` command lists with it.
// It reads the volume image, open sections and nothing else: what would have to be decoded is skipped and named. It
// allocates nothing; nesting is bounded.
#pragma once

#include <optional>

#include "image/error.hpp"
#include "image/firmware_volume.hpp"
#include "image/section.hpp"

namespace redoubt::image {

inline constexpr unsigned deepest_mm_volume = 4;     // volumes inside volumes
inline constexpr unsigned deepest_open_section = 4;  // sections inside sections that need no decoding

// Hears of what was found. For each volume: its drivers in file order, then its a priori list, then the volumes inside
// it.
class MmVolumeVisitor {
 public:
  // A file of type MM_STANDALONE whose checksum is right; `executable` is its PE32 or TE section.
  virtual void driver(const FileView& file, const SectionView& executable) = 0;
  // The payload of the a priori file's RAW section, to be applied to the drivers found so far.
  virtual void apriori(Bytes list) = 0;
  // A file (or, with null, a volume or the rest of one) that can't be used.
  virtual void skipped(const abi::Guid* file, const ImageError& error) = 0;

 protected:
  ~MmVolumeVisitor() = default;
};

// Walks the volumes in `region`, the first one at its start; `origin` is what offsets of its first byte are. Erased or
// zero bytes may lie between and behind volumes. Returns where the last volume that was visited ends, in the region.
std::size_t visit_mm_volumes(Bytes region, MmVolumeVisitor& visitor, std::uint64_t origin = 0);

// The first section of a type in a file, also inside encapsulations that need no decoding.
std::optional<SectionView> find_open_section(const FileView& file, abi::SectionType type);

}  // namespace redoubt::image
