// SPDX-License-Identifier: BSD-2-Clause-Patent
// Expands what is compressed in UEFI's own way (UEFI 2.10, chapter 19): LZ77 and canonical Huffman codes over blocks.
// No library of Debian does: LHA's lh5 is close kin, but its readers refuse the Tiano form's window. Host only: MM gets
// everything expanded.
#pragma once

#include <vector>

#include "image/error.hpp"

namespace redoubt::image {

enum class EfiCompression : std::uint8_t {
  standard,  // section type compression, type 1: strings start at most 8 KiB back
  tiano,     // the Tiano GUIDed section: the same but for a position count of five bits, and a window of 512 KiB
};

// What `payload` (the sizes' header and the data) expands to; `origin` is its absolute offset. `limit` is the most that
// may come out. Memory grows with what is really there. Bytes behind the compressed size are ignored.
ImageResult<std::vector<std::byte>> efi_expand(Bytes payload, std::uint64_t origin, std::uint64_t limit,
                                               EfiCompression compression);

}  // namespace redoubt::image
