// SPDX-License-Identifier: BSD-2-Clause-Patent
// Sections of a firmware file (PI 1.9, volume 3, 3.2.4 and 3.2.5): one validated header and the bytes behind it. A view
// points into its input and decodes nothing; compressed contents are for code that can decompress.
#pragma once

#include <optional>

#include "abi/pi/firmware_volume.hpp"
#include "image/error.hpp"

namespace redoubt::image {

class SectionView {
 public:
  // The section at the start of `bytes`, which may go on behind it. `origin` is the absolute offset of bytes[0].
  static ImageResult<SectionView> create(Bytes bytes, std::uint64_t origin);

  abi::SectionType type() const { return type_; }
  // The whole section, all headers included.
  Bytes bytes() const { return bytes_; }
  std::uint64_t offset() const { return origin_; }
  // What is behind the headers that this type of section has: for a GUIDed section its data, for a compressed one the
  // compressed data, for a version section the text.
  Bytes payload() const { return bytes_.subspan(payload_position_); }
  std::uint64_t payload_offset() const { return origin_ + payload_position_; }

  // The fields behind the common header; only meaningful for the type that has them.
  struct Guided {
    abi::Guid definition;
    std::uint16_t attributes;
    Bytes between;  // between the fields and the data: belongs to the definition (a CRC, an authentication record)
  };
  std::optional<Guided> guided() const;
  struct Compression {
    std::uint32_t uncompressed_length;
    std::uint8_t type;  // abi::compression_none, ...
  };
  std::optional<Compression> compression() const;
  std::optional<abi::Guid> freeform_subtype() const;
  std::optional<std::uint16_t> build_number() const;

 private:
  Bytes bytes_;
  std::uint64_t origin_ = 0;
  std::uint32_t header_size_ = 0;  // of the common header
  std::uint32_t payload_position_ = 0;
  abi::SectionType type_{};
};

// Walks sections that follow each other, each at a multiple of 4 bytes from the first one.
class SectionCursor {
 public:
  SectionCursor(Bytes bytes, std::uint64_t origin) : bytes_(bytes), origin_(origin) {}

  // The next section, nothing at the end, or what is wrong. After an error the cursor is at the end. Up to three bytes
  // that are left over count as padding.
  ImageResult<std::optional<SectionView>> next();

 private:
  Bytes bytes_;
  std::uint64_t origin_;
  std::size_t position_ = 0;
};

// The first section of a type among those in `bytes`, not looking into encapsulations.
ImageResult<std::optional<SectionView>> find_section(SectionCursor sections, abi::SectionType type);

}  // namespace redoubt::image
