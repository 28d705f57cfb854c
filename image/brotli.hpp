// SPDX-License-Identifier: BSD-2-Clause-Patent
// Expands the payload of Brotli GUIDed sections: 16 bytes of header (expanded size, the decoder's memory in edk2), then
// the stream. Host only.
#pragma once

#include <vector>

#include "image/error.hpp"

namespace redoubt::image {

// What `payload` expands to; `origin` is its absolute offset. `limit` is the most that may come out. Memory grows with
// what is really there. Bytes behind the stream are ignored.
ImageResult<std::vector<std::byte>> brotli_expand(Bytes payload, std::uint64_t origin, std::uint64_t limit);

}  // namespace redoubt::image
