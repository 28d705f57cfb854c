// SPDX-License-Identifier: BSD-2-Clause-Patent
// The rules of volumes and files. A header is copied out before it is looked at, so that even input that changes
// meanwhile is judged by one reading.
#include "image/firmware_volume.hpp"

#include <algorithm>

#include "base/checked.hpp"

namespace redoubt::image {

namespace {

FileState state_of(std::uint8_t state, std::uint8_t erased) {
  const auto bits = static_cast<std::uint8_t>(state ^ erased);
  if ((bits & abi::file_header_invalid) != 0) {
    return FileState::header_invalid;
  }
  if ((bits & abi::file_deleted) != 0) {
    return FileState::deleted;
  }
  if ((bits & abi::file_marked_for_update) != 0) {
    return FileState::marked_for_update;
  }
  if ((bits & abi::file_data_valid) != 0) {
    return FileState::data_valid;
  }
  if ((bits & abi::file_header_valid) != 0) {
    return FileState::header_valid;
  }
  if ((bits & abi::file_header_construction) != 0) {
    return FileState::header_construction;
  }
  return FileState::none;
}

bool all_equal(Bytes bytes, std::uint8_t value) {
  return std::all_of(bytes.begin(), bytes.end(), [value](std::byte byte) { return byte == std::byte{value}; });
}

// Follows the block map from the end of the fixed header to its end mark; it must fill the header and add up to the
// length of the volume.
ImageResult<void> check_block_map(Bytes header, std::uint64_t origin, std::uint64_t volume_length) {
  std::uint64_t total = 0;
  std::size_t position = sizeof(abi::FirmwareVolumeHeader);
  while (true) {
    const auto block =
        TRY(read_field<abi::FirmwareVolumeBlock>(header, position, origin, "block map of volume has no end"));
    if (block.count == 0 && block.length == 0) {
      break;
    }
    const auto sum = checked_add(total, std::uint64_t{block.count} * block.length);
    if (!sum.has_value()) {
      return malformed(origin + position, "block map of volume overflows");
    }
    total = *sum;
    position += sizeof(block);
  }
  if (total != volume_length) {
    return malformed(origin + sizeof(abi::FirmwareVolumeHeader), "block map doesn't add up to the volume's length");
  }
  return {};
}

}  // namespace

std::uint8_t checksum8(Bytes bytes) {
  std::uint8_t sum = 0;
  for (const std::byte byte : bytes) {
    sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(byte));
  }
  return static_cast<std::uint8_t>(-sum);
}

std::uint16_t checksum16(Bytes bytes) {
  std::uint16_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto word = static_cast<std::uint32_t>(bytes[i]) | static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    sum = static_cast<std::uint16_t>(sum + word);
  }
  return static_cast<std::uint16_t>(-sum);
}

std::uint8_t file_header_checksum(Bytes header) {
  std::uint8_t sum = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (i != offsetof(abi::FileHeader, header_checksum) && i != offsetof(abi::FileHeader, file_checksum) &&
        i != offsetof(abi::FileHeader, state)) {
      sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(header[i]));
    }
  }
  return static_cast<std::uint8_t>(-sum);
}

ImageResult<FileView> FileView::create(Bytes bytes, std::uint64_t origin, FileSystem file_system, std::uint8_t erased) {
  const auto header = TRY(read_field<abi::FileHeader>(bytes, 0, origin, "file header is cut off"));
  FileView view;
  view.origin_ = origin;
  view.name_ = header.name;
  view.type_ = static_cast<abi::FileType>(header.type);
  view.attributes_ = header.attributes;
  view.file_checksum_ = header.file_checksum;
  view.state_ = state_of(header.state, erased);
  view.header_size_ = sizeof(abi::FileHeader);
  std::uint64_t size = header.size[0] | std::uint32_t{header.size[1]} << 8 | std::uint32_t{header.size[2]} << 16;
  // In file system 2 the bit for large files meant something else once.
  if (file_system == FileSystem::ffs3 && (header.attributes & abi::file_attribute_large) != 0) {
    size = TRY(read_field<std::uint64_t>(bytes, sizeof(abi::FileHeader), origin, "large file header is cut off"));
    view.header_size_ = sizeof(abi::LargeFileHeader);
  }
  const Bytes header_bytes = bytes.first(view.header_size_);
  if (file_header_checksum(header_bytes) != header.header_checksum) {
    return malformed(origin, "file header checksum is wrong");
  }
  if (size < view.header_size_) {
    return malformed(origin, "file size is smaller than its header");
  }
  view.bytes_ = TRY(read_run(bytes, 0, size, origin, "file reaches beyond what contains it"));
  return view;
}

std::uint32_t FileView::data_alignment() const {
  // EFI_FFS_FILE_HEADER: powers of two by the three alignment bits, without and with FFS_ATTRIB_DATA_ALIGNMENT_2.
  constexpr std::uint8_t powers[8] = {0, 4, 7, 9, 10, 12, 15, 16};
  const auto index = static_cast<std::uint8_t>((attributes_ & abi::file_attribute_data_alignment) >>
                                               abi::file_attribute_data_alignment_shift);
  if ((attributes_ & abi::file_attribute_data_alignment_2) != 0) {
    return std::uint32_t{1} << (17 + index);
  }
  return std::uint32_t{1} << powers[index];
}

ImageResult<void> FileView::check_data() const {
  if ((attributes_ & abi::file_attribute_checksum) == 0) {
    if (file_checksum_ != abi::file_checksum_absent) {
      return malformed(origin_, "file without a data checksum doesn't say so");
    }
  } else if (checksum8(data()) != file_checksum_) {
    return malformed(origin_, "file data checksum is wrong");
  }
  return {};
}

bool FileView::has_sections() const {
  const auto type = static_cast<std::uint8_t>(type_);
  return type_ != abi::FileType::raw && type_ != abi::FileType::all &&
         type <= static_cast<std::uint8_t>(abi::FileType::mm_core_standalone);
}

ImageResult<std::optional<FileView>> FileCursor::next() {
  while (true) {
    const std::size_t left = bytes_.size() - position_;
    const Bytes rest = bytes_.subspan(position_);
    if (left < sizeof(abi::FileHeader) || all_equal(rest.first(sizeof(abi::FileHeader)), erased_)) {
      return std::optional<FileView>();
    }
    const std::uint64_t origin = origin_ + position_;
    const FileState state = state_of(static_cast<std::uint8_t>(rest[offsetof(abi::FileHeader, state)]), erased_);
    if (state == FileState::header_construction || state == FileState::header_invalid) {
      // Nothing but the header's room is known to be taken.
      position_ += std::min(left, sizeof(abi::FileHeader));
      continue;
    }
    const auto file = FileView::create(rest, origin, file_system_, erased_);
    if (!file.has_value()) {
      position_ = bytes_.size();
      return std::unexpected(file.error());
    }
    const std::size_t end = position_ + file->bytes().size();
    const std::size_t padding = (abi::file_alignment - end % abi::file_alignment) % abi::file_alignment;
    position_ = padding < bytes_.size() - end ? end + padding : bytes_.size();
    if (file->present()) {
      return std::optional<FileView>(*file);
    }
    if (file->state() == FileState::none) {
      position_ = bytes_.size();
      return malformed(origin, "file has no valid state");
    }
  }
}

ImageResult<FirmwareVolumeView> FirmwareVolumeView::create(Bytes bytes, std::uint64_t origin) {
  const auto header = TRY(read_field<abi::FirmwareVolumeHeader>(bytes, 0, origin, "firmware volume header is cut off"));
  if (header.signature != abi::firmware_volume_signature) {
    return malformed(origin + abi::firmware_volume_signature_offset, "no firmware volume signature");
  }
  if (header.revision != abi::firmware_volume_revision) {
    return unsupported(origin, "firmware volume revision is not 2");
  }
  if (header.header_length < sizeof(abi::FirmwareVolumeHeader) + sizeof(abi::FirmwareVolumeBlock) ||
      header.header_length % 2 != 0) {
    return malformed(origin, "firmware volume header length is out of range");
  }
  const Bytes header_bytes = TRY(read_run(bytes, 0, header.header_length, origin, "firmware volume header is cut off"));
  if (checksum16(header_bytes) != 0) {
    return malformed(origin, "firmware volume header checksum is wrong");
  }
  if (header.length < header.header_length) {
    return malformed(origin, "firmware volume is shorter than its header");
  }
  FirmwareVolumeView view;
  view.bytes_ = TRY(read_run(bytes, 0, header.length, origin, "firmware volume reaches beyond what contains it"));
  TRY(check_block_map(header_bytes, origin, header.length));
  view.origin_ = origin;
  view.file_system_guid_ = header.file_system;
  view.attributes_ = header.attributes;
  view.header_length_ = header.header_length;
  if (header.file_system == abi::file_system_2_guid) {
    view.file_system_ = FileSystem::ffs2;
  } else if (header.file_system == abi::file_system_3_guid) {
    view.file_system_ = FileSystem::ffs3;
  }

  std::uint64_t files = header.header_length;
  if (header.extended_header_offset != 0) {
    const std::uint64_t position = header.extended_header_offset;
    if (position < header.header_length) {
      return malformed(origin, "extended header of firmware volume lies inside its header");
    }
    const auto extended = TRY(read_field<abi::FirmwareVolumeExtendedHeader>(
        view.bytes_, position, origin, "extended header of firmware volume is cut off"));
    if (extended.size < sizeof(extended)) {
      return malformed(origin + position, "extended header of firmware volume is smaller than its fields");
    }
    TRY(read_run(view.bytes_, position, extended.size, origin, "extended header reaches beyond its volume"));
    view.name_ = extended.name;
    files = position + extended.size;
  }
  files = align_up<std::uint64_t>(files, abi::file_alignment);
  view.files_position_ = files < header.length ? static_cast<std::size_t>(files) : view.bytes_.size();
  return view;
}

FileCursor FirmwareVolumeView::files() const {
  const std::size_t start = file_system_ == FileSystem::none ? bytes_.size() : files_position_;
  return {bytes_, origin_, start, file_system_, erased()};
}

ImageResult<std::optional<FileView>> FirmwareVolumeView::find_file(const abi::Guid& name) const {
  FileCursor cursor = files();
  while (true) {
    const auto file = TRY(cursor.next());
    if (!file.has_value() || file->name() == name) {
      return file;
    }
  }
}

ImageResult<std::optional<FileView>> FirmwareVolumeView::find_file(abi::FileType type) const {
  FileCursor cursor = files();
  while (true) {
    const auto file = TRY(cursor.next());
    if (!file.has_value() || file->type() == type) {
      return file;
    }
  }
}

}  // namespace redoubt::image
