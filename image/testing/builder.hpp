// SPDX-License-Identifier: BSD-2-Clause-Patent
// More pieces of firmware for tests, which need compressors or are images.
#pragma once

#include <cstdint>

#include "abi/pe/pe.hpp"
#include "image/depex.hpp"
#include "image/testing/volume_builder.hpp"

namespace redoubt::image::testing {

// An LZMA GUIDed section that expands to `data`.
Buffer lzma_section(const Buffer& data);
// A Brotli GUIDed section that expands to `data`.
Buffer brotli_section(const Buffer& data);

// A dependency expression: opcodes and GUIDs.
Buffer depex(const std::vector<DepexTerm>& terms);

// A PE image of three sections: .text at 0x1000 (entry point 0x1010), .data at 0x2000 with 0x20 bytes in the file and
// 0x100 in memory, .reloc at 0x3000. Linked for `image_base`; the pointer at RVA 0x2008 (4 or 8 bytes) holds the
// address of RVA 0x1010, and one relocation belongs to it.
struct PeOptions {
  bool pe32_plus = true;
  std::uint16_t machine = abi::pe::machine_x64;
  std::uint64_t image_base = 0x400000;
};
inline constexpr std::uint32_t pe_entry = 0x1010;
inline constexpr std::uint32_t pe_pointer = 0x2008;
inline constexpr std::uint32_t pe_image_size = 0x4000;
Buffer pe_image(const PeOptions& options = {});
// File offset of the header of section `index` in such an image.
std::size_t pe_section_header(const PeOptions& options, std::size_t index);
// The same image as TE.
Buffer te_image(const PeOptions& options = {});

}  // namespace redoubt::image::testing
