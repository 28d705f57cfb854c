// SPDX-License-Identifier: BSD-2-Clause-Patent
// Puts a driver's image into drivers' memory, each section with the rights it asks for and no others. An image whose
// sections don't start on 4 KiB boundaries, or that wants to write what it executes, is refused: its pages couldn't be
// protected. The foundation has no access to an image once it is loaded.
#pragma once

#include <cstdint>

#include "base/byte_reader.hpp"
#include "foundation/page_map.hpp"
#include "foundation/protocol_database.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

struct LoadedImage {
  std::uint64_t base;
  std::uint64_t pages;
  std::uint64_t bytes;  // SizeOfImage
  std::uint64_t entry_point;
};

struct LoadFailure {
  Error code;
  const char* reason;  // a string literal
};

// An x64 PE32+ or TE image; `bytes` lies in memory the foundation reads.
Result<LoadedImage, LoadFailure> load_image(Supervisor& supervisor, PageMap& map, Bytes bytes, DriverNumber driver);

void unload_image(Supervisor& supervisor, PageMap& map, const LoadedImage& image);

}  // namespace redoubt::foundation
