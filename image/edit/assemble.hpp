// SPDX-License-Identifier: BSD-2-Clause-Patent
// Makes new sections, files and volumes out of their contents (PI 1.9, volume 3, chapter 3), for flash that reads as
// ones when erased unless a function says otherwise.
#pragma once

#include <span>
#include <string_view>

#include "abi/pi/firmware_volume.hpp"
#include "image/edit/buffer.hpp"

namespace redoubt::image::edit {

// Adds a section to a file's data, 4-byte aligned. With `alignment` (a power of two) above 4, a RAW section goes before
// it where needed, so that the section's own data stands at a multiple of it from the start of the file's data.
void append_section(Buffer& file_data, abi::SectionType type, Bytes data, std::size_t alignment = 4);

// Data of a USER_INTERFACE section. `name` is ASCII.
Buffer user_interface_data(std::string_view name);

// Data of a DEPEX section that is true when all of `protocols` are installed; TRUE for none.
Buffer depex_data(std::span<const abi::Guid> protocols);

struct FileDescription {
  abi::Guid name{};
  abi::FileType type = abi::FileType::raw;
  std::size_t data_alignment = 1;  // of the data, from the start of the volume; a power of two, 16 MiB at most
};

// A whole file: header, checksums, state and data. Error::unsupported for an alignment beyond the format. A file of
// 16 MiB or more gets the large header, which only a file system 3 volume takes.
EditResult<Buffer> make_file(const FileDescription& description, Bytes data);

// A PAD file of `size` bytes, 24 at least (32 for a large header), for flash that reads as `erased`: 0xFF or 0.
Buffer make_pad_file(std::size_t size, bool large_header, std::uint8_t erased = 0xFF);

// Sets a file's header checksum and file checksum after any of its bytes changed.
void fix_file_checksums(std::span<std::byte> file);

// A volume with an extension header that names it, and these files in this order. Its length is a multiple of 4 KiB.
EditResult<Buffer> make_volume(const abi::Guid& name, std::span<const Buffer> files);

// Largest size that the 24-bit size field of a file or section takes.
inline constexpr std::size_t small_size_limit = 0xFFFFFF;

}  // namespace redoubt::image::edit
