// SPDX-License-Identifier: BSD-2-Clause-Patent
// Written straight from the layouts in abi/, on purpose without the code under test (but for its checksum functions,
// which have tests of their own).
#include "image/testing/volume_builder.hpp"

#include <stdexcept>

#include "base/address.hpp"
#include "image/firmware_volume.hpp"

namespace redoubt::image::testing {

namespace {

constexpr std::uint32_t block_bytes = 0x100;

void set_size24(std::uint8_t (&field)[3], std::size_t size) {
  for (unsigned i = 0; i < 3; ++i) {
    field[i] = static_cast<std::uint8_t>(size >> (8 * i));
  }
}

}  // namespace

Buffer bytes_of(std::string_view text) {
  const Bytes bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Buffer repeated(std::size_t size, std::uint8_t value) { return Buffer(size, std::byte{value}); }

Buffer join(const std::vector<Buffer>& parts, std::size_t alignment, std::uint8_t padding) {
  Buffer result;
  for (const Buffer& part : parts) {
    result.resize((result.size() + alignment - 1) / alignment * alignment, std::byte{padding});
    result.insert(result.end(), part.begin(), part.end());
  }
  return result;
}

Buffer section(abi::SectionType type, const Buffer& payload, const Buffer& fields, bool large) {
  Buffer result;
  abi::LargeSectionHeader header{};
  header.header.type = static_cast<std::uint8_t>(type);
  if (large) {
    set_size24(header.header.size, abi::section_size_extended);
    header.extended_size = static_cast<std::uint32_t>(sizeof(header) + fields.size() + payload.size());
    put(result, 0, header);
  } else {
    set_size24(header.header.size, sizeof(header.header) + fields.size() + payload.size());
    put(result, 0, header.header);
  }
  return join({result, fields, payload});
}

Buffer guided_section(const abi::Guid& definition, std::uint16_t attributes, const Buffer& between,
                      const Buffer& data) {
  Buffer fields;
  const std::size_t header = sizeof(abi::SectionHeader) + sizeof(abi::GuidedSectionFields);
  put(fields, 0, abi::GuidedSectionFields{definition, static_cast<std::uint16_t>(header + between.size()), attributes});
  return section(abi::SectionType::guid_defined, data, join({fields, between}));
}

Buffer user_interface_section(std::string_view name) {
  Buffer text;
  for (const char character : name) {
    put(text, text.size(), static_cast<char16_t>(character));
  }
  put(text, text.size(), char16_t{0});
  return section(abi::SectionType::user_interface, text);
}

Buffer concatenate(const std::vector<Buffer>& sections) { return join(sections, abi::section_alignment); }

void fix_file_header(Buffer& buffer, std::size_t offset) {
  const bool large = (static_cast<std::uint8_t>(buffer[offset + offsetof(abi::FileHeader, attributes)]) &
                      abi::file_attribute_large) != 0;
  const std::size_t size = large ? sizeof(abi::LargeFileHeader) : sizeof(abi::FileHeader);
  put(buffer, offset + offsetof(abi::FileHeader, header_checksum),
      file_header_checksum(view(buffer).subspan(offset, size)));
}

Buffer file(const abi::Guid& name, abi::FileType type, const Buffer& data, const FileOptions& options) {
  abi::LargeFileHeader header{};
  header.header.name = name;
  header.header.type = static_cast<std::uint8_t>(type);
  header.header.attributes = options.attributes;
  header.header.state = options.state;
  header.header.file_checksum =
      (options.attributes & abi::file_attribute_checksum) != 0 ? checksum8(data) : abi::file_checksum_absent;
  Buffer result;
  if ((options.attributes & abi::file_attribute_large) != 0) {
    header.extended_size = sizeof(header) + data.size();
    put(result, 0, header);
  } else {
    set_size24(header.header.size, sizeof(header.header) + data.size());
    put(result, 0, header.header);
  }
  fix_file_header(result);
  return join({result, data});
}

void fix_volume_header(Buffer& buffer, std::size_t offset) {
  const auto length =
      read_at<std::uint16_t>(buffer, offset + offsetof(abi::FirmwareVolumeHeader, header_length)).value();
  put(buffer, offset + offsetof(abi::FirmwareVolumeHeader, checksum), std::uint16_t{0});
  put(buffer, offset + offsetof(abi::FirmwareVolumeHeader, checksum), checksum16(view(buffer).subspan(offset, length)));
}

Buffer volume(const std::vector<Buffer>& files, std::size_t length, const VolumeOptions& options) {
  const std::uint8_t erased = options.erase_polarity ? 0xFF : 0;
  abi::FirmwareVolumeHeader header{};
  header.file_system = options.file_system;
  header.length = length;
  header.signature = abi::firmware_volume_signature;
  header.attributes = options.erase_polarity ? abi::firmware_volume_erase_polarity : 0;
  header.header_length = sizeof(header) + 2 * sizeof(abi::FirmwareVolumeBlock);
  header.revision = abi::firmware_volume_revision;
  Buffer result;
  put(result, sizeof(header), abi::FirmwareVolumeBlock{static_cast<std::uint32_t>(length / block_bytes), block_bytes});
  put(result, sizeof(header) + sizeof(abi::FirmwareVolumeBlock), abi::FirmwareVolumeBlock{0, 0});
  if (options.name != nullptr) {
    header.extended_header_offset = header.header_length;
    put(result, header.header_length,
        abi::FirmwareVolumeExtendedHeader{*options.name, sizeof(abi::FirmwareVolumeExtendedHeader)});
  }
  put(result, 0, header);
  result.resize((result.size() + 7) / 8 * 8, std::byte{erased});
  const Buffer body = join(files, abi::file_alignment, erased);
  result.insert(result.end(), body.begin(), body.end());
  if (result.size() > length) {
    throw std::runtime_error("volume is too small for its files");
  }
  result.resize(length, std::byte{erased});
  fix_volume_header(result);
  return result;
}

Buffer volume(const std::vector<Buffer>& files, const VolumeOptions& options) {
  constexpr std::size_t headers = sizeof(abi::FirmwareVolumeHeader) + 2 * sizeof(abi::FirmwareVolumeBlock) +
                                  sizeof(abi::FirmwareVolumeExtendedHeader) + abi::file_alignment;
  const std::size_t least = headers + join(files, abi::file_alignment).size();
  return volume(files, (least + page_bytes - 1) / page_bytes * page_bytes, options);
}

}  // namespace redoubt::image::testing
