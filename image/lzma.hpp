// SPDX-License-Identifier: BSD-2-Clause-Patent
// Expands the payload of LZMA GUIDed sections: 13 bytes of header (properties, dictionary size, uncompressed size),
// then the stream. Host only.
#pragma once

#include <vector>

#include "image/error.hpp"

namespace redoubt::image {

enum class BranchFilter : bool { none, x86 };

// Expands `payload`; `origin` is its absolute offset. `limit` is the most that may come out. It uses at most
// about twice that much memory, whatever the header claims. Bytes behind the stream are ignored.
ImageResult<std::vector<std::byte>> lzma_expand(Bytes payload, std::uint64_t origin, std::uint64_t limit,
                                                BranchFilter filter = BranchFilter::none);

}  // namespace redoubt::image
