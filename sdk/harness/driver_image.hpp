// SPDX-License-Identifier: BSD-2-Clause-Patent
// Looks at what a driver author hands to the harness before the foundation does: the author wants to know what is wrong
// with the file and what to do about it, the foundation only whether it can be run.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sdk/harness/harness.hpp"

namespace redoubt::sdk {

struct DriverImage {
  ByteVector bytes;
  bool te = false;
  std::uint64_t link_base = 0;  // address of RVA 0 that the image was linked for
};

// The file's bytes. Errors name the path.
Result<ByteVector, HarnessError> read_driver_file(const std::string& path);

// As addresses stand in error messages: 0x, and no leading zeroes.
std::string hexadecimal(std::uint64_t value);

// Refuses, with `name` and the reason, what MM would refuse.
Result<DriverImage, HarnessError> check_driver_image(std::span<const std::byte> file, const std::string& name);

// The file with debug information that goes with an image: NAME.elf, NAME.debug or NAME.so beside NAME.efi, or the
// image itself if it has DWARF sections; empty if there is none.
std::string find_symbols(const std::string& image_path, const DriverImage& image);

}  // namespace redoubt::sdk
