// SPDX-License-Identifier: BSD-2-Clause-Patent
// Checksums and size fields are computed last, over the bytes as they will stand in flash.
#include "image/edit/assemble.hpp"

#include <array>
#include <format>

#include "image/firmware_volume.hpp"

namespace redoubt::image::edit {
namespace {

constexpr std::byte erased{0xFF};
constexpr std::size_t volume_block = 4096;

// Without and with file_attribute_data_alignment_2 (PI 1.9, volume 3, table 3-2).
constexpr std::array<std::size_t, 16> data_alignments = {1,        16,       128,       512,       1 << 10,   4 << 10,
                                                         32 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20,
                                                         2 << 20,  4 << 20,  8 << 20,   16 << 20};

std::size_t section_header_size(std::size_t data_size) {
  return data_size + sizeof(abi::SectionHeader) < small_size_limit ? sizeof(abi::SectionHeader)
                                                                   : sizeof(abi::LargeSectionHeader);
}

constexpr std::uint8_t valid_state =
    0xFF & ~(abi::file_header_construction | abi::file_header_valid | abi::file_data_valid);

Buffer begin_file(const abi::Guid& name, abi::FileType type, std::uint8_t attributes, std::size_t data_size,
                  bool large) {
  abi::LargeFileHeader header{};
  header.header.name = name;
  header.header.type = static_cast<std::uint8_t>(type);
  header.header.attributes = attributes;
  header.header.state = valid_state;
  const std::size_t size = (large ? sizeof(abi::LargeFileHeader) : sizeof(abi::FileHeader)) + data_size;
  if (large) {
    header.header.attributes |= abi::file_attribute_large;
    header.extended_size = size;
  } else {
    put_size24(header.header.size, size);
  }
  Buffer file;
  file.reserve(size);
  append(file, bytes_of(header).first(size - data_size));
  return file;
}

}  // namespace

void append_section(Buffer& file_data, abi::SectionType type, Bytes data, std::size_t alignment) {
  pad_to(file_data, abi::section_alignment);
  const std::size_t header_size = section_header_size(data.size());
  if ((file_data.size() + header_size) % alignment != 0) {
    std::size_t end = file_data.size() + sizeof(abi::SectionHeader);
    while ((end + header_size) % alignment != 0) end += abi::section_alignment;
    const Buffer nothing(end - file_data.size() - sizeof(abi::SectionHeader));
    append_section(file_data, abi::SectionType::raw, nothing);
  }
  abi::LargeSectionHeader header{};
  header.header.type = static_cast<std::uint8_t>(type);
  const std::size_t size = header_size + data.size();
  if (header_size == sizeof(abi::SectionHeader)) {
    put_size24(header.header.size, size);
  } else {
    put_size24(header.header.size, abi::section_size_extended);
    header.extended_size = static_cast<std::uint32_t>(size);
  }
  append(file_data, bytes_of(header).first(header_size));
  append(file_data, data);
}

Buffer user_interface_data(std::string_view name) {
  Buffer data;
  for (const char character : name) append(data, static_cast<char16_t>(static_cast<unsigned char>(character)));
  append(data, char16_t{0});
  return data;
}

Buffer depex_data(std::span<const abi::Guid> protocols) {
  Buffer data;
  for (std::size_t i = 0; i < protocols.size(); ++i) {
    append(data, abi::DepexOpcode::push);
    append(data, protocols[i]);
    if (i != 0) append(data, abi::DepexOpcode::logical_and);
  }
  if (protocols.empty()) append(data, abi::DepexOpcode::constant_true);
  append(data, abi::DepexOpcode::end);
  return data;
}

EditResult<Buffer> make_file(const FileDescription& description, Bytes data) {
  std::size_t code = 0;
  while (code < data_alignments.size() && data_alignments[code] < description.data_alignment) ++code;
  if (code == data_alignments.size())
    return refuse(Error::unsupported, std::format("no file can be aligned to {}", description.data_alignment));
  std::uint8_t attributes = static_cast<std::uint8_t>((code & 7) << abi::file_attribute_data_alignment_shift);
  if (code >= 8) attributes |= abi::file_attribute_data_alignment_2;
  attributes |= abi::file_attribute_checksum;
  const bool large = sizeof(abi::FileHeader) + data.size() > small_size_limit;
  Buffer file = begin_file(description.name, description.type, attributes, data.size(), large);
  append(file, data);
  fix_file_checksums(file);
  return file;
}

Buffer make_pad_file(std::size_t size, bool large_header, std::uint8_t erased_byte) {
  const std::size_t header_size = large_header ? sizeof(abi::LargeFileHeader) : sizeof(abi::FileHeader);
  assert(size >= header_size);
  abi::Guid all_ones;
  std::memset(&all_ones, 0xFF, sizeof(all_ones));
  Buffer file = begin_file(all_ones, abi::FileType::pad, 0, size - header_size, large_header);
  file.resize(size, std::byte{erased_byte});
  if (erased_byte == 0) file[offsetof(abi::FileHeader, state)] ^= std::byte{0xFF};
  fix_file_checksums(file);
  return file;
}

void fix_file_checksums(std::span<std::byte> file) {
  abi::FileHeader header;
  assert(file.size() >= sizeof(header));
  std::memcpy(&header, file.data(), sizeof(header));
  const std::size_t header_size =
      (header.attributes & abi::file_attribute_large) != 0 ? sizeof(abi::LargeFileHeader) : sizeof(abi::FileHeader);
  assert(file.size() >= header_size);
  header.header_checksum = file_header_checksum(file.first(header_size));
  header.file_checksum = (header.attributes & abi::file_attribute_checksum) != 0 ? checksum8(file.subspan(header_size))
                                                                                 : abi::file_checksum_absent;
  std::memcpy(file.data(), &header, sizeof(header));
}

EditResult<Buffer> make_volume(const abi::Guid& name, std::span<const Buffer> files) {
  struct BlockMap {
    abi::FirmwareVolumeBlock blocks;
    abi::FirmwareVolumeBlock end;
  };
  constexpr std::size_t header_size = sizeof(abi::FirmwareVolumeHeader) + sizeof(BlockMap);
  abi::FirmwareVolumeHeader header{};
  header.file_system = abi::file_system_2_guid;
  header.signature = abi::firmware_volume_signature;
  // Read and write access, enabled and lockable, erased as ones (PI 1.9, volume 3, table 3-1); 8-byte aligned.
  header.attributes = 0x0000FEFF | 3U << abi::firmware_volume_alignment_shift;
  header.header_length = header_size;
  header.extended_header_offset = header_size;
  header.revision = abi::firmware_volume_revision;

  Buffer volume(header_size);
  append(volume, abi::FirmwareVolumeExtendedHeader{.name = name, .size = sizeof(abi::FirmwareVolumeExtendedHeader)});
  const auto align = [&](std::size_t alignment) { volume.resize(align_up(volume.size(), alignment), erased); };
  align(abi::file_alignment);
  for (const Buffer& file : files) {
    const auto view = FileView::create(file, 0, FileSystem::ffs3);
    assert(view.has_value());
    const auto misaligned = [&](std::size_t at) { return (at + view->header_size()) % view->data_alignment() != 0; };
    if (misaligned(volume.size())) {
      std::size_t start = volume.size() + sizeof(abi::FileHeader);
      while (misaligned(start)) start += abi::file_alignment;
      append(volume, Bytes(make_pad_file(start - volume.size(), false)));
    }
    if (view->header_size() == sizeof(abi::LargeFileHeader)) header.file_system = abi::file_system_3_guid;
    append(volume, Bytes(file));
    align(abi::file_alignment);
  }
  align(volume_block);
  if (volume.size() > 0x40000000) return refuse(Error::out_of_memory, "the volume grows beyond 1 GiB");

  header.length = volume.size();
  BlockMap map{.blocks = {.count = static_cast<std::uint32_t>(volume.size() / volume_block), .length = volume_block},
               .end = {.count = 0, .length = 0}};
  write_at(volume, sizeof(header), map);
  write_at(volume, 0, header);
  header.checksum = checksum16(Bytes(volume).first(header_size));
  write_at(volume, 0, header);
  return volume;
}

}  // namespace redoubt::image::edit
