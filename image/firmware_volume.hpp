// SPDX-License-Identifier: BSD-2-Clause-Patent
// Firmware volumes and files as validated views (PI 1.9, volume 3, chapter 3): what a view hands out has been checked
// against its surroundings, and walking files and sections ends on any input. Views point into their input, which
// must not change under them. They compile for host, x64 and IA-32 and never allocate.
//
//   const auto volume = TRY(FirmwareVolumeView::create(bytes));
//   auto files = volume.files();
//   while (const auto file = TRY(files.next())) { ... file->sections() ... }
#pragma once

#include <optional>

#include "abi/pi/firmware_volume.hpp"
#include "image/error.hpp"
#include "image/section.hpp"

namespace redoubt::image {

// How a volume arranges its files.
enum class FileSystem : std::uint8_t {
  none,  // not files, or in a way we don't know
  ffs2,
  ffs3,
};

// The highest state bit that is set, erase polarity taken out (volume 3, 3.2.3).
enum class FileState : std::uint8_t {
  none,
  header_construction,
  header_valid,
  data_valid,
  marked_for_update,
  deleted,
  header_invalid,
};

class FileView {
 public:
  // The file at the start of `bytes`, which may go on behind it: header checksum and size are checked, the state is
  // not. `erased` is what erased flash reads as in its volume; for a file on its own (.ffs) pass 0xFF.
  static ImageResult<FileView> create(Bytes bytes, std::uint64_t origin, FileSystem file_system,
                                      std::uint8_t erased = 0xFF);

  const abi::Guid& name() const { return name_; }
  abi::FileType type() const { return type_; }
  std::uint8_t attributes() const { return attributes_; }
  FileState state() const { return state_; }
  // Whether the file counts: its data is valid and it isn't deleted.
  bool present() const { return state_ == FileState::data_valid || state_ == FileState::marked_for_update; }
  bool is_pad() const { return type_ == abi::FileType::pad; }

  // Header included, alignment padding after it not.
  Bytes bytes() const { return bytes_; }
  std::uint64_t offset() const { return origin_; }
  Bytes data() const { return bytes_.subspan(header_size_); }
  std::uint64_t data_offset() const { return origin_ + header_size_; }
  std::uint32_t header_size() const { return header_size_; }
  // What the data must be aligned to in its volume: a power of two.
  std::uint32_t data_alignment() const;

  // Compares the data with its checksum: reads all of it.
  ImageResult<void> check_data() const;

  // Files of type raw and pad, and files of undefined types, have no sections.
  bool has_sections() const;
  SectionCursor sections() const { return {data(), data_offset()}; }
  // Shorthand for find_section(sections(), type).
  ImageResult<std::optional<SectionView>> find_section(abi::SectionType type) const {
    return image::find_section(sections(), type);
  }

 private:
  Bytes bytes_;
  std::uint64_t origin_ = 0;
  abi::Guid name_{};
  std::uint32_t header_size_ = 0;
  abi::FileType type_{};
  std::uint8_t attributes_ = 0;
  std::uint8_t file_checksum_ = 0;
  FileState state_{};
};

// Makes the sum of a file header's bytes zero, with state and file checksum counted as zero.
std::uint8_t file_header_checksum(Bytes header);
// Makes the sum of all bytes zero.
std::uint8_t checksum8(Bytes bytes);
// Makes the sum of all 16-bit words zero; a last odd byte doesn't count.
std::uint16_t checksum16(Bytes bytes);

class FileCursor {
 public:
  // The next file that is present (pad files included), nothing where the free space or the volume's end begins, or
  // what is wrong. After an error the cursor is at the end. Files that are deleted or were never finished are skipped.
  ImageResult<std::optional<FileView>> next();

  // Once next() has returned nothing: the free space behind the last file, perhaps empty.
  Bytes free_space() const { return bytes_.subspan(position_); }
  std::uint64_t free_space_offset() const { return origin_ + position_; }

 private:
  friend class FirmwareVolumeView;
  FileCursor(Bytes bytes, std::uint64_t origin, std::size_t position, FileSystem file_system, std::uint8_t erased)
      : bytes_(bytes), origin_(origin), position_(position), file_system_(file_system), erased_(erased) {}

  Bytes bytes_;
  std::uint64_t origin_;
  std::size_t position_;
  FileSystem file_system_;
  std::uint8_t erased_;
};

class FirmwareVolumeView {
 public:
  // The volume at the start of `bytes`, which may go on behind it: signature, revision, header length, checksum,
  // length, block map and extended header are checked. `origin` is the absolute offset of bytes[0].
  static ImageResult<FirmwareVolumeView> create(Bytes bytes, std::uint64_t origin = 0);

  Bytes bytes() const { return bytes_; }
  std::uint64_t offset() const { return origin_; }
  const abi::Guid& file_system_guid() const { return file_system_guid_; }
  FileSystem file_system() const { return file_system_; }
  std::uint32_t attributes() const { return attributes_; }
  std::uint16_t header_length() const { return header_length_; }
  // 0xFF or 0.
  std::uint8_t erased() const { return (attributes_ & abi::firmware_volume_erase_polarity) != 0 ? 0xFF : 0x00; }
  // From the extended header.
  const std::optional<abi::Guid>& name() const { return name_; }
  // Where the first file begins, from the start of the volume.
  std::size_t files_position() const { return files_position_; }

  // A volume whose file_system() is none has no files.
  FileCursor files() const;
  // The first present file with this name or of this type.
  ImageResult<std::optional<FileView>> find_file(const abi::Guid& name) const;
  ImageResult<std::optional<FileView>> find_file(abi::FileType type) const;

 private:
  Bytes bytes_;
  std::uint64_t origin_ = 0;
  std::size_t files_position_ = 0;
  std::optional<abi::Guid> name_;
  abi::Guid file_system_guid_{};
  std::uint32_t attributes_ = 0;
  std::uint16_t header_length_ = 0;
  FileSystem file_system_ = FileSystem::none;
};

}  // namespace redoubt::image
