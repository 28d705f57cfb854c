// SPDX-License-Identifier: BSD-2-Clause-Patent
// Sections that hold other sections (PI 1.9, volume 3, 3.2.5.1 to 3.2.5.7), whatever they are encoded in: the one place
// that knows every encoding, for listing an image and for unpacking a driver. Host only.
#pragma once

#include <string>
#include <vector>

#include "image/section.hpp"

namespace redoubt::image {

enum class Encapsulation : std::uint8_t {
  none,   // not an encapsulation
  plain,  // sections that stand there as they are
  crc32,  // the same behind their CRC-32
  lzma,
  lzma_x86,      // behind an x86 branch filter
  efi_standard,  // UEFI's own compression
  tiano,
  brotli,
  unknown,  // encoded, in a way unknown here
};

Encapsulation encapsulation_of(const SectionView& section);
// Whether decode() makes new bytes of it.
bool needs_decoding(Encapsulation encapsulation);
// "LZMA", ..., or the GUID that defines an unknown encoding.
std::string encoding_name(const SectionView& section);

// The sections in `section`, whose needs_decoding() is true, as bytes that start with a section header. `limit` is the
// most that may come out. Error::unsupported for an unknown encoding and for what exceeds the limit; offsets count as
// the section's do.
ImageResult<std::vector<std::byte>> decode(const SectionView& section, std::uint64_t limit);

// Whether a crc32 section's data has the CRC-32 that stands before it.
bool crc32_is_right(const SectionView& section);

}  // namespace redoubt::image
