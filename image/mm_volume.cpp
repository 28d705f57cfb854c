// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "image/mm_volume.hpp"

#include "base/checked.hpp"

namespace redoubt::image {
namespace {

constexpr std::size_t volume_alignment = 8;  // PI 1.9, volume 3, chapter 3

bool is_open(const SectionView& section) {
  if (section.type() == abi::SectionType::disposable) return true;
  if (const auto guided = section.guided(); guided.has_value()) {
    return (guided->attributes & abi::guided_section_processing_required) == 0;
  }
  const auto compression = section.compression();
  return compression.has_value() && compression->type == abi::compression_none;
}

std::optional<SectionView> find(SectionCursor sections, abi::SectionType type, abi::SectionType or_type,
                                unsigned depth = 0) {
  for (auto section = sections.next(); section.has_value() && section->has_value(); section = sections.next()) {
    const SectionView& view = **section;
    if (view.type() == type || view.type() == or_type) return view;
    if (is_open(view) && depth < deepest_open_section) {
      auto inner = find({view.payload(), view.payload_offset()}, type, or_type, depth + 1);
      if (inner.has_value()) return inner;
    }
  }
  return std::nullopt;
}

void visit_file(const FileView& file, MmVolumeVisitor& visitor) {
  if (const auto sound = file.check_data(); !sound.has_value()) {
    visitor.skipped(&file.name(), sound.error());
    return;
  }
  const auto executable = find(file.sections(), abi::SectionType::pe32, abi::SectionType::te);
  if (!executable.has_value()) {
    visitor.skipped(&file.name(), {Error::unsupported, file.offset(), "no PE32 or TE section that needs no decoding"});
    return;
  }
  visitor.driver(file, *executable);
}

// The volume at the start of `bytes`; returns its length, or 0 if there is none that can be read.
std::size_t visit_volume(Bytes bytes, std::uint64_t origin, MmVolumeVisitor& visitor, unsigned depth) {
  const auto volume = FirmwareVolumeView::create(bytes, origin);
  if (!volume.has_value()) {
    visitor.skipped(nullptr, volume.error());
    return 0;
  }
  // Drivers and the a priori list first, volumes inside last: what a volume says of order holds for its own drivers.
  std::optional<FileView> apriori;
  bool has_volumes = false;
  FileCursor files = volume->files();
  for (auto file = files.next();; file = files.next()) {
    if (!file.has_value()) {
      visitor.skipped(nullptr, file.error());
      break;
    }
    if (!file->has_value()) break;
    if ((*file)->type() == abi::FileType::mm_standalone) {
      visit_file(**file, visitor);
    } else if ((*file)->type() == abi::FileType::firmware_volume_image) {
      has_volumes = true;
    } else if ((*file)->type() == abi::FileType::freeform && (*file)->name() == abi::dxe_apriori_guid) {
      apriori = **file;
    }
  }
  if (apriori.has_value()) {
    if (const auto list = find_open_section(*apriori, abi::SectionType::raw); list.has_value()) {
      visitor.apriori(list->payload());
    } else {
      visitor.skipped(&apriori->name(), {Error::malformed, apriori->offset(), "a priori file has no RAW section"});
    }
  }
  files = volume->files();
  for (auto file = files.next(); has_volumes && file.has_value() && file->has_value(); file = files.next()) {
    if ((*file)->type() != abi::FileType::firmware_volume_image) continue;
    const auto inner = find_open_section(**file, abi::SectionType::firmware_volume_image);
    if (!inner.has_value() || depth == deepest_mm_volume) {
      visitor.skipped(&(*file)->name(), {Error::unsupported, (*file)->offset(),
                                         "a volume that is compressed, missing or too deep inside others"});
    } else {
      visit_volume(inner->payload(), inner->payload_offset(), visitor, depth + 1);
    }
  }
  return volume->bytes().size();
}

// Whether a volume begins at the start of `bytes`, or says it does.
bool claims_volume(Bytes bytes) {
  const auto signature = read_at<std::uint32_t>(bytes, abi::firmware_volume_signature_offset);
  return signature.has_value() && *signature == abi::firmware_volume_signature;
}

bool is_filler(Bytes bytes) {
  for (const std::byte byte : bytes) {
    if (byte != bytes.front() || (byte != std::byte{0xFF} && byte != std::byte{0})) return false;
  }
  return true;
}

}  // namespace

std::optional<SectionView> find_open_section(const FileView& file, abi::SectionType type) {
  return find(file.sections(), type, type);
}

std::size_t visit_mm_volumes(Bytes region, MmVolumeVisitor& visitor, std::uint64_t origin) {
  std::size_t end = visit_volume(region, origin, visitor, 0);
  // What lies behind a volume fills up to the next one, or is nothing of ours.
  for (std::size_t position = align_up(end, volume_alignment); end != 0 && position < region.size();) {
    const Bytes rest = region.subspan(position);
    if (claims_volume(rest)) {
      const std::size_t length = visit_volume(rest, origin + position, visitor, 0);
      if (length == 0) break;
      end = position + length;
      position = align_up(end, volume_alignment);
    } else if (is_filler(rest.first(rest.size() < volume_alignment ? rest.size() : volume_alignment))) {
      position += volume_alignment;
    } else {
      visitor.skipped(nullptr, {Error::malformed, origin + position, "bytes behind a volume that are no volume"});
      break;
    }
  }
  return end;
}

}  // namespace redoubt::image
