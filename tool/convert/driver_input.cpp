// SPDX-License-Identifier: BSD-2-Clause-Patent
// Everything here reads files of strangers: sizes come from validated views, nesting and expansion are bounded.
#include "tool/convert/driver_input.hpp"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <format>

#include "abi/uefi/guid_text.hpp"
#include "image/depex.hpp"
#include "image/edit/assemble.hpp"
#include "image/encapsulation.hpp"
#include "image/executable.hpp"
#include "image/firmware_volume.hpp"
#include "image/names.hpp"
#include "tool/convert/input_facts.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {

namespace {

using abi::FileType;
using abi::SectionType;
using image::ExecutableView;
using image::FileView;
using image::FirmwareVolumeView;
using image::edit::append_section;
using image::edit::make_file;

constexpr unsigned deepest_encapsulation = 8;
constexpr unsigned deepest_volume = 4;  // as deep as MM looks for drivers
constexpr std::uint64_t largest_expansion = std::uint64_t{1} << 26;

// What a part of an input is refused for; the caller, which knows the path, makes a CommandError of it.
struct Defect {
  std::string reason;
};
template <typename T>
using Checked = Result<T, Defect>;

std::unexpected<Defect> defect(std::string reason) { return std::unexpected(Defect{std::move(reason)}); }

std::unexpected<Defect> defect(const image::ImageError& error) {
  return defect(std::format("offset {:#x}: {}", error.offset, error.reason));
}

std::string text_of(const abi::Guid& guid) { return std::string(abi::to_text(guid).view()); }

std::uint32_t alignment_of(const ExecutableView& view) {
  std::uint32_t addresses = page_alignment;
  for (std::uint32_t i = 0; i < view.section_count(); ++i) {
    addresses |= view.section(i).rva;
  }
  return std::uint32_t{1} << std::countr_zero(addresses);
}

// ---- Sections ----

// The sections of a file with every encapsulation opened, in a row.
class OpenedSections {
 public:
  Checked<void> open(image::SectionCursor sections, unsigned depth = 0) {
    while (true) {
      const auto section = sections.next();
      if (!section.has_value()) {
        return defect(section.error());
      }
      if (!section->has_value()) {
        return {};
      }
      TRY(open(**section, depth));
    }
  }

  Bytes bytes() const { return data_; }
  bool any_encapsulation() const { return opened_; }
  const std::vector<std::string>& unpacked() const { return unpacked_; }

  Checked<std::optional<image::SectionView>> find(SectionType type) const {
    const auto found = image::find_section({data_, 0}, type);
    return found.has_value() ? Checked<std::optional<image::SectionView>>(*found) : defect(found.error());
  }

 private:
  Checked<void> open(const image::SectionView& section, unsigned depth) {
    const image::Encapsulation encapsulation = image::encapsulation_of(section);
    if (encapsulation == image::Encapsulation::none) {
      image::edit::pad_to(data_, abi::section_alignment);
      image::edit::append(data_, section.bytes());
      return {};
    }
    opened_ = true;
    if (depth == deepest_encapsulation) {
      return defect(std::format("offset {:#x}: sections are nested too deeply", section.offset()));
    }
    if (encapsulation == image::Encapsulation::unknown) {
      return defect(std::format("offset {:#x}: has a section encoded in a way unknown here: {}", section.offset(),
                                image::encoding_name(section)));
    }
    if (encapsulation == image::Encapsulation::crc32 && !image::crc32_is_right(section)) {
      return defect(std::format("offset {:#x}: CRC-32 of section is wrong", section.offset()));
    }
    if (!image::needs_decoding(encapsulation)) {
      return open({section.payload(), section.payload_offset()}, depth + 1);
    }
    const std::string encoding = image::encoding_name(section);
    const auto decoded = image::decode(section, largest_expansion - expanded_);
    if (!decoded.has_value()) {
      return defect(std::format("{}, of its {} section", defect(decoded.error()).error().reason, encoding));
    }
    expanded_ += decoded->size();
    unpacked_.push_back(encoding);
    const Checked<void> inner = open({*decoded, 0}, depth + 1);
    return inner.has_value()
               ? inner
               : defect(std::format("{}, in what its {} section expands to", inner.error().reason, encoding));
  }

  Buffer data_;
  bool opened_ = false;
  std::uint64_t expanded_ = 0;
  std::vector<std::string> unpacked_;
};

std::string name_in(const OpenedSections& sections) {
  const auto section = sections.find(SectionType::user_interface);
  std::string name;
  if (section.has_value() && section->has_value()) {
    const Bytes text = (*section)->payload();
    for (std::size_t i = 0; i + 1 < text.size() && (text[i] != std::byte{0} || text[i + 1] != std::byte{0}); i += 2) {
      name += text[i + 1] == std::byte{0} ? static_cast<char>(text[i]) : '?';
    }
  }
  return ascii_name(name);
}

// ---- Files ----

Checked<void> check_file(const FileView& file) {
  if (!file.present()) {
    return defect("isn't marked as valid");
  }
  const auto sound = file.check_data();
  return sound.has_value() ? Checked<void>() : defect(sound.error().reason);
}

Checked<DriverFile> driver_of(const FileView& file, const std::string& source) {
  TRY(check_file(file));
  OpenedSections sections;
  TRY(sections.open(file.sections()));
  auto executable = TRY(sections.find(SectionType::pe32));
  if (!executable.has_value()) {
    executable = TRY(sections.find(SectionType::te));
  }
  if (!executable.has_value()) {
    return defect("has no PE32 or TE section");
  }
  const ImageCheck check = check_image(executable->payload());
  if (!check.refusal.empty()) {
    return defect(check.refusal);
  }
  if (const auto depex = TRY(sections.find(SectionType::mm_depex)); depex.has_value()) {
    const auto view = image::DepexView::create(depex->payload());
    if (!view.has_value()) {
      return defect(std::format("DEPEX: offset {:#x}: {}", view.error().offset, view.error().reason));
    }
  }
  DriverFile driver{.source = source,
                    .guid = file.name(),
                    .name = name_in(sections),
                    .file = {},
                    .alignment = check.alignment,
                    .unpacked = sections.unpacked()};
  if (sections.any_encapsulation()) {
    auto opened = make_file({.name = file.name(), .type = file.type(), .data_alignment = file.data_alignment()},
                            sections.bytes());
    if (!opened.has_value()) {
      return defect(opened.error().reason);
    }
    driver.file = std::move(*opened);
  } else {
    driver.file.assign(file.bytes().begin(), file.bytes().end());
  }
  return driver;
}

// ---- Volumes ----

// Composes a volume anew for MM, out of one that was made for any purpose.
class VolumeComposer {
 public:
  VolumeComposer(VolumeFile& report, std::string source) : report_(report), source_(std::move(source)) {}

  // The new volume, or nothing if there are no drivers in it.
  Checked<std::optional<Buffer>> compose(const FirmwareVolumeView& volume, unsigned depth = 0) {
    if (volume.file_system() == image::FileSystem::none) {
      return defect(std::format("offset {:#x}: volume has a file system unknown here", volume.offset()));
    }
    std::vector<Buffer> files;
    bool has_drivers = false;
    image::FileCursor cursor = volume.files();
    while (true) {
      const auto file = cursor.next();
      if (!file.has_value()) {
        return defect(file.error());
      }
      if (!file->has_value()) {
        break;
      }
      const auto added = add(**file, depth, files);
      if (!added.has_value()) {
        return defect(std::format("file {}: {}", text_of((*file)->name()), added.error().reason));
      }
      has_drivers = has_drivers || *added;
    }
    if (!has_drivers) {
      return std::nullopt;
    }
    auto made = image::edit::make_volume(volume.name().value_or(guid_of_contents(volume.bytes())), files);
    if (!made.has_value()) {
      return defect(made.error().reason);
    }
    return std::optional(std::move(*made));
  }

 private:
  // Whether a driver came with the file.
  Checked<bool> add(const FileView& file, unsigned depth, std::vector<Buffer>& files) {
    switch (file.type()) {
      case FileType::pad: return false;
      case FileType::mm_standalone: {
        DriverFile driver = TRY(driver_of(file, source_));
        files.push_back(TRY(in_own_polarity(file, driver)));
        driver.file.clear();
        report_.drivers.push_back(std::move(driver));
        return true;
      }
      case FileType::firmware_volume_image: return add_volume(file, depth, files);
      case FileType::freeform:
      case FileType::raw: {
        TRY(check_file(file));
        files.push_back(TRY(copy_of(file, TRY(contents_of(file)))));
        return false;
      }
      default:
        report_.left_out.push_back(std::format("{} ({})", text_of(file.name()), image::type_name(file.type())));
        return false;
    }
  }

  static Checked<Buffer> copy_of(const FileView& file, Bytes data) {
    auto made = make_file({.name = file.name(), .type = file.type(), .data_alignment = file.data_alignment()}, data);
    return made.has_value() ? Checked<Buffer>(std::move(*made)) : defect(made.error().reason);
  }

  // New volumes read as ones where they are erased, whatever the old one did.
  static Checked<Buffer> in_own_polarity(const FileView& file, const DriverFile& driver) {
    const auto view = FileView::create(driver.file, 0, image::FileSystem::ffs3);
    const bool usable = view.has_value() && view->state() == image::FileState::data_valid;
    return usable ? Checked<Buffer>(driver.file) : copy_of(file, file.data());
  }

  // The a priori list must lie open for MM; the rest doesn't matter here.
  static Checked<Buffer> contents_of(const FileView& file) {
    if (file.name() != abi::dxe_apriori_guid) {
      return Buffer(file.data().begin(), file.data().end());
    }
    OpenedSections sections;
    TRY(sections.open(file.sections()));
    if (!TRY(sections.find(SectionType::raw)).has_value()) {
      return defect("a priori file has no RAW section");
    }
    return Buffer(sections.bytes().begin(), sections.bytes().end());
  }

  Checked<bool> add_volume(const FileView& file, unsigned depth, std::vector<Buffer>& files) {
    TRY(check_file(file));
    OpenedSections sections;
    TRY(sections.open(file.sections()));
    const auto section = TRY(sections.find(SectionType::firmware_volume_image));
    if (!section.has_value()) {
      return defect("has no firmware volume image section");
    }
    const auto volume = FirmwareVolumeView::create(section->payload());
    if (!volume.has_value()) {
      return defect(volume.error());
    }
    if (depth + 1 == deepest_volume) {
      return defect("volumes are nested too deeply");
    }
    const auto inner = TRY(compose(*volume, depth + 1));
    if (!inner.has_value()) {
      report_.left_out.push_back(std::format("{} (a volume without MM_STANDALONE drivers)", text_of(file.name())));
      return false;
    }
    Buffer data;
    append_section(data, SectionType::firmware_volume_image, *inner, abi::file_alignment);
    files.push_back(TRY(copy_of(file, data)));
    return true;
  }

  VolumeFile& report_;
  std::string source_;
};

Checked<VolumeFile> volume_file_of(const FirmwareVolumeView& volume, const std::string& source) {
  VolumeFile result{
      .source = source, .guid = guid_of_contents(volume.bytes()), .file = {}, .drivers = {}, .left_out = {}};
  const auto composed = TRY(VolumeComposer(result, source).compose(volume));
  if (!composed.has_value()) {
    return defect("has no MM_STANDALONE driver in it");
  }
  Buffer data;
  append_section(data, SectionType::firmware_volume_image, *composed, abi::file_alignment);
  auto file = make_file({.name = result.guid, .type = FileType::firmware_volume_image}, data);
  if (!file.has_value()) {
    return defect(file.error().reason);
  }
  result.file = std::move(*file);
  return result;
}

bool starts_with_volume(Bytes bytes) {
  const auto signature = read_at<std::uint32_t>(bytes, abi::firmware_volume_signature_offset);
  return signature.has_value() && *signature == abi::firmware_volume_signature;
}

// Erased flash between volumes and behind them.
std::size_t filler_length(Bytes bytes) {
  if (bytes.empty() || (bytes.front() != std::byte{0xFF} && bytes.front() != std::byte{0})) {
    return 0;
  }
  const auto end = std::ranges::find_if(bytes, [&](std::byte byte) { return byte != bytes.front(); });
  return static_cast<std::size_t>(end - bytes.begin());
}

Checked<DriverInput> volumes_of(Bytes bytes, const std::string& source) {
  DriverInput input;
  for (std::size_t position = 0; position < bytes.size();) {
    const Bytes rest = bytes.subspan(position);
    if (starts_with_volume(rest)) {
      const auto volume = FirmwareVolumeView::create(rest, position);
      if (!volume.has_value()) {
        return defect(volume.error());
      }
      input.volumes.push_back(TRY(volume_file_of(*volume, source)));
      position += volume->bytes().size();
    } else if (const std::size_t filler = filler_length(rest); filler != 0) {
      position += filler;
    } else {
      return defect(std::format("offset {:#x}: bytes behind the volume that are no volume", position));
    }
  }
  return input;
}

Checked<DriverFile> driver_in_file(Bytes bytes, const std::string& source) {
  // The attribute for large files means nothing in file system 2, so this reads both.
  const auto file = FileView::create(bytes, 0, image::FileSystem::ffs3);
  if (!file.has_value()) {
    return defect(
        std::format("neither a PE or TE image, nor a firmware file, nor a firmware volume: {}", file.error().reason));
  }
  if (file->bytes().size() != bytes.size()) {
    return defect("has bytes behind the firmware file in it");
  }
  if (file->type() != FileType::mm_standalone) {
    return defect(std::format("is a file of type {:#04x} ({}), not an MM_STANDALONE driver (0x0e)",
                              static_cast<unsigned>(file->type()), image::type_name(file->type())));
  }
  return driver_of(*file, source);
}

bool is_executable(Bytes bytes) {
  const auto signature = read_at<std::uint16_t>(bytes, 0);
  return signature.has_value() && (*signature == abi::pe::dos_signature || *signature == abi::pe::te_signature);
}

}  // namespace

ImageCheck check_image(Bytes executable) {
  const auto view = ExecutableView::create(executable);
  if (!view.has_value()) {
    return {.refusal =
                std::format("isn't a PE or TE image: offset {:#x}: {}", view.error().offset, view.error().reason)};
  }
  if (view->machine() != abi::pe::machine_x64 || view->format() == image::ExecutableFormat::pe32) {
    return {.refusal = std::format("is {} for {}, not PE32+ or TE for X64", image::format_name(view->format()),
                                   image::machine_name(view->machine()))};
  }
  if (view->subsystem() != abi::pe::subsystem_boot_service_driver &&
      view->subsystem() != abi::pe::subsystem_runtime_driver) {
    return {.refusal = std::format("has subsystem {}, neither boot service nor runtime driver", view->subsystem())};
  }
  if (view->has_writable_code()) {
    return {.refusal = "has a section that is writable and executable"};
  }
  if (view->entry_point() == 0) {
    return {.refusal = "has no entry point"};
  }
  return {.refusal = why_not_relocatable(*view), .alignment = alignment_of(*view)};
}

std::string why_not_protectable(Bytes executable) {
  const ImageCheck check = check_image(executable);
  if (check.refusal.empty() && check.alignment < page_alignment) {
    return std::format("its sections are aligned to {}, not to 4 KiB", check.alignment);
  }
  return check.refusal;
}

Result<DriverInput, CommandError> read_driver_input(const std::string& path) {
  return parse_driver_input(TRY(read_file(path)), path);
}

Result<DriverInput, CommandError> parse_driver_input(Bytes bytes, const std::string& path) {
  DriverInput input;
  if (is_executable(bytes)) {
    input.drivers.push_back(TRY(make_driver_file(path, guid_of_contents(bytes),
                                                 ascii_name(std::filesystem::path(path).stem().string()), {}, bytes)));
    return input;
  }
  if (starts_with_volume(bytes)) {
    auto volumes = volumes_of(bytes, path);
    return volumes.has_value() ? Result<DriverInput, CommandError>(std::move(*volumes))
                               : bad_input(path, volumes.error().reason);
  }
  auto driver = driver_in_file(bytes, path);
  if (!driver.has_value()) {
    return bad_input(path, driver.error().reason);
  }
  input.drivers.push_back(std::move(*driver));
  return input;
}

Result<DriverFile, CommandError> make_driver_file(const std::string& source, const abi::Guid& guid,
                                                  const std::string& name, const std::vector<abi::Guid>& depex,
                                                  Bytes executable) {
  const ImageCheck check = check_image(executable);
  if (!check.refusal.empty()) {
    return bad_input(source, check.refusal);
  }
  const auto view = ExecutableView::create(executable);
  const bool terse = view.has_value() && view->format() == image::ExecutableFormat::te;
  Buffer data;
  append_section(data, SectionType::mm_depex, image::edit::depex_data(depex));
  append_section(data, terse ? SectionType::te : SectionType::pe32, executable);
  append_section(data, SectionType::user_interface, image::edit::user_interface_data(name));
  auto file = make_file({.name = guid, .type = FileType::mm_standalone}, data);
  if (!file.has_value()) {
    return bad_input(source, file.error().reason);
  }
  return DriverFile{.source = source,
                    .guid = guid,
                    .name = name,
                    .file = std::move(*file),
                    .alignment = check.alignment,
                    .unpacked = {}};
}

}  // namespace redoubt::tool
