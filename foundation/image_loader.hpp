// SPDX-License-Identifier: BSD-2-Clause-Patent
// Puts a driver's image into drivers' memory, each section with the rights it asks for and no others. An image whose
// sections don't start on 4 KiB boundaries is refused, unless it is admitted as it is: pages that its sections share
// then have the rights of all of them. An image that wants to write what it executes is refused in any case. The
// foundation has no access to an image once it is loaded. An entry point that isn't in code is refused, too.
#pragma once

#include <cstdint>

#include "base/byte_reader.hpp"
#include "foundation/driver_allocator.hpp"
#include "foundation/page_map.hpp"
#include "foundation/supervisor_interface.hpp"
#include "image/error.hpp"

namespace redoubt::foundation {

struct LoadedImage {
  std::uint64_t base;
  std::uint64_t pages;
  std::uint64_t bytes;  // SizeOfImage
  std::uint64_t entry_point;
  std::uint64_t unprotected_pages = 0;  // that drivers may write and execute
};

enum class ImageAlignment : std::uint8_t {
  pages,     // what every driver has to have
  admitted,  // any: the converter made an exception for this driver
};

// An x64 PE32+ or TE image; `bytes` lies in memory the foundation reads.
Result<LoadedImage, image::ImageError> load_image(Supervisor& supervisor, PageMap& map, DriverAllocator& allocator,
                                                  Bytes bytes, DriverNumber driver,
                                                  ImageAlignment alignment = ImageAlignment::pages);

}  // namespace redoubt::foundation
