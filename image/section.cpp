// SPDX-License-Identifier: BSD-2-Clause-Patent
// Every size in a section header is compared with what is there before anything is built on it.
#include "image/section.hpp"

#include "base/checked.hpp"

namespace redoubt::image {

namespace {

constexpr std::uint32_t size_of_24_bits(const std::uint8_t (&size)[3]) {
  return size[0] | std::uint32_t{size[1]} << 8 | std::uint32_t{size[2]} << 16;
}

// Bytes of the headers behind the common one, for the types where they are of fixed size.
constexpr std::uint32_t fixed_fields_size(abi::SectionType type) {
  switch (type) {
    case abi::SectionType::compression: return sizeof(abi::CompressionSectionFields);
    case abi::SectionType::freeform_subtype_guid: return sizeof(abi::Guid);
    case abi::SectionType::version: return sizeof(std::uint16_t);
    default: return 0;
  }
}

}  // namespace

ImageResult<SectionView> SectionView::create(Bytes bytes, std::uint64_t origin) {
  const auto header = TRY(read_field<abi::SectionHeader>(bytes, 0, origin, "section header is cut off"));
  SectionView view;
  view.origin_ = origin;
  view.type_ = static_cast<abi::SectionType>(header.type);
  view.header_size_ = sizeof(abi::SectionHeader);
  std::uint32_t size = size_of_24_bits(header.size);
  if (size == abi::section_size_extended) {
    size = TRY(read_field<abi::LargeSectionHeader>(bytes, 0, origin, "large section header is cut off")).extended_size;
    view.header_size_ = sizeof(abi::LargeSectionHeader);
  }
  if (size < view.header_size_) {
    return malformed(origin, "section size is smaller than its header");
  }
  view.bytes_ = TRY(read_run(bytes, 0, size, origin, "section reaches beyond what contains it"));

  if (view.type_ == abi::SectionType::guid_defined) {
    const auto fields = TRY(
        read_field<abi::GuidedSectionFields>(view.bytes_, view.header_size_, origin, "GUIDed section is too short"));
    if (fields.data_offset < view.header_size_ + sizeof(abi::GuidedSectionFields) || fields.data_offset > size) {
      return malformed(origin + view.header_size_, "data offset of GUIDed section is out of range");
    }
    view.payload_position_ = fields.data_offset;
  } else {
    view.payload_position_ = view.header_size_ + fixed_fields_size(view.type_);
    if (view.payload_position_ > size) {
      return malformed(origin, "section is too short for its type");
    }
  }
  return view;
}

std::optional<SectionView::Guided> SectionView::guided() const {
  if (type_ != abi::SectionType::guid_defined) {
    return std::nullopt;
  }
  const auto fields = read_at<abi::GuidedSectionFields>(bytes_, header_size_);
  if (!fields.has_value()) {
    return std::nullopt;
  }
  const std::size_t fields_end = header_size_ + sizeof(abi::GuidedSectionFields);
  return Guided{fields->definition, fields->attributes, bytes_.subspan(fields_end, payload_position_ - fields_end)};
}

std::optional<SectionView::Compression> SectionView::compression() const {
  if (type_ != abi::SectionType::compression) {
    return std::nullopt;
  }
  const auto fields = read_at<abi::CompressionSectionFields>(bytes_, header_size_);
  if (!fields.has_value()) {
    return std::nullopt;
  }
  return Compression{fields->uncompressed_length, fields->compression_type};
}

std::optional<abi::Guid> SectionView::freeform_subtype() const {
  if (type_ != abi::SectionType::freeform_subtype_guid) {
    return std::nullopt;
  }
  const auto guid = read_at<abi::Guid>(bytes_, header_size_);
  return guid.has_value() ? std::optional(*guid) : std::nullopt;
}

std::optional<std::uint16_t> SectionView::build_number() const {
  if (type_ != abi::SectionType::version) {
    return std::nullopt;
  }
  const auto number = read_at<std::uint16_t>(bytes_, header_size_);
  return number.has_value() ? std::optional(*number) : std::nullopt;
}

ImageResult<std::optional<SectionView>> SectionCursor::next() {
  const Bytes rest = bytes_.subspan(position_);
  if (rest.size() < sizeof(abi::SectionHeader)) {
    return std::optional<SectionView>();
  }
  const auto section = SectionView::create(rest, origin_ + position_);
  if (!section.has_value()) {
    position_ = bytes_.size();
    return std::unexpected(section.error());
  }
  // Sizes are at least 4, so this moves on; and they are at most rest.size(), so it can't wrap.
  const std::size_t end = position_ + section->bytes().size();
  const std::size_t padding = (abi::section_alignment - end % abi::section_alignment) % abi::section_alignment;
  position_ = padding < bytes_.size() - end ? end + padding : bytes_.size();
  return std::optional<SectionView>(*section);
}

ImageResult<std::optional<SectionView>> find_section(SectionCursor sections, abi::SectionType type) {
  while (true) {
    const auto section = TRY(sections.next());
    if (!section.has_value() || section->type() == type) {
      return section;
    }
  }
}

}  // namespace redoubt::image
