// SPDX-License-Identifier: BSD-2-Clause-Patent
// Sections, files and volumes made up for tests and for the harness: correct unless a test damages them afterwards. Not
// for anything that ships: composing real images is image/edit's.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "abi/pi/firmware_volume.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::image::testing {

using Buffer = std::vector<std::byte>;

inline Bytes view(const Buffer& buffer) { return buffer; }
Buffer bytes_of(std::string_view text);
Buffer repeated(std::size_t size, std::uint8_t value);
// Parts one behind the other, each at a multiple of `alignment` from the start, gaps filled with `padding`.
Buffer join(const std::vector<Buffer>& parts, std::size_t alignment = 1, std::uint8_t padding = 0);

template <typename T>
void put(Buffer& buffer, std::size_t offset, const T& value) {
  if (buffer.size() < offset + sizeof(T)) {
    buffer.resize(offset + sizeof(T));
  }
  std::memcpy(buffer.data() + offset, &value, sizeof(T));
}

// `fields` stand between the common header and the payload. `large` asks for the 32-bit size.
Buffer section(abi::SectionType type, const Buffer& payload, const Buffer& fields = {}, bool large = false);
Buffer guided_section(const abi::Guid& definition, std::uint16_t attributes, const Buffer& between, const Buffer& data);
Buffer user_interface_section(std::string_view name);
// The data of a file of these sections.
Buffer concatenate(const std::vector<Buffer>& sections);
struct FileOptions {
  std::uint8_t attributes = 0;
  std::uint8_t state = 0xF8;  // data valid, erase polarity 1
};
Buffer file(const abi::Guid& name, abi::FileType type, const Buffer& data, const FileOptions& options = {});
// Sets the header's checksum anew.
void fix_file_header(Buffer& file, std::size_t offset = 0);

struct VolumeOptions {
  abi::Guid file_system = abi::file_system_2_guid;
  bool erase_polarity = true;
  const abi::Guid* name = nullptr;  // with an extended header then
};
// `length` is a multiple of 0x100, the block size.
Buffer volume(const std::vector<Buffer>& files, std::size_t length, const VolumeOptions& options = {});
// As long as it takes, in whole pages.
Buffer volume(const std::vector<Buffer>& files, const VolumeOptions& options = {});
// Sets the volume header's checksum anew.
void fix_volume_header(Buffer& volume, std::size_t offset = 0);

}  // namespace redoubt::image::testing
