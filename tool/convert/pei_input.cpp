// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/convert/pei_input.hpp"

#include <filesystem>
#include <format>

#include "abi/pi/pei.hpp"
#include "image/edit/assemble.hpp"
#include "image/executable.hpp"
#include "image/firmware_volume.hpp"
#include "image/names.hpp"
#include "tool/convert/input_facts.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {

namespace {

using abi::SectionType;
using image::ExecutableView;

std::string why_not_peim(Bytes executable) {
  const auto view = ExecutableView::create(executable);
  if (!view.has_value()) {
    return std::format("isn't a PE image: {}", view.error().reason);
  }
  if (view->format() == image::ExecutableFormat::te) {
    return "is a TE image, which can't be linked for a place; give the PE image it was made of";
  }
  if (view->entry_point() == 0) {
    return "has no entry point";
  }
  return why_not_relocatable(*view);
}

Result<PeimFile, CommandError> peim_from_file(const std::string& path, Bytes bytes) {
  const auto file = image::FileView::create(bytes, 0, image::FileSystem::ffs3);
  if (!file.has_value()) {
    return bad_input(path, std::format("neither a PE image nor a firmware file: {}", file.error().reason));
  }
  if (file->type() != abi::FileType::peim) {
    return bad_input(path, std::format("is a file of type {:#04x} ({}), not a PEIM (0x06)",
                                       static_cast<unsigned>(file->type()), image::type_name(file->type())));
  }
  if (const auto checked = file->check_data(); !checked.has_value()) {
    return bad_input(path, checked.error().reason);
  }
  PeimFile peim{.source = path, .guid = file->name(), .name = {}, .depex = {}, .executable = {}};
  const auto section = [&](SectionType type) -> Result<std::optional<Buffer>, CommandError> {
    const auto found = file->find_section(type);
    if (!found.has_value()) {
      return bad_input(path, found.error().reason, found.error().offset);
    }
    if (!found->has_value()) {
      return std::nullopt;
    }
    const Bytes payload = (*found)->payload();
    return Buffer(payload.begin(), payload.end());
  };
  auto executable = TRY(section(SectionType::pe32));
  if (!executable.has_value()) {
    return bad_input(path, "has no PE32 section (TE and compressed images can't be linked for a place)");
  }
  peim.executable = std::move(*executable);
  peim.depex = TRY(section(SectionType::pei_depex)).value_or(image::edit::depex_data({}));
  peim.name = ascii_name(std::filesystem::path(path).stem().string());
  return peim;
}

}  // namespace

Result<PeimFile, CommandError> read_peim(const std::string& path) {
  Buffer bytes = TRY(read_file(path));
  const auto signature = read_at<std::uint16_t>(bytes, 0);
  PeimFile peim;
  if (signature.has_value() && *signature == abi::pe::dos_signature) {
    const abi::Guid needed[] = {abi::MmCommunicationPpi::guid};
    peim = {.source = path,
            .guid = guid_of_contents(bytes),
            .name = ascii_name(std::filesystem::path(path).stem().string()),
            .depex = image::edit::depex_data(needed),
            .executable = std::move(bytes)};
  } else {
    peim = TRY(peim_from_file(path, bytes));
  }
  if (const std::string reason = why_not_peim(peim.executable); !reason.empty()) {
    return bad_input(path, reason);
  }
  return peim;
}

Result<Payload, CommandError> read_payload(const std::string& path) {
  Buffer bytes = TRY(read_file(path));
  const auto view = ExecutableView::create(bytes);
  if (!view.has_value()) {
    return bad_input(path, std::format("isn't a PE image: {}", view.error().reason));
  }
  if (view->machine() != abi::pe::machine_x64 || view->format() != image::ExecutableFormat::pe32_plus) {
    return bad_input(path, std::format("is {} for {}, not PE32+ for X64", image::format_name(view->format()),
                                       image::machine_name(view->machine())));
  }
  if (view->entry_point() == 0) {
    return bad_input(path, "has no entry point");
  }
  if (const std::string reason = why_not_relocatable(*view); !reason.empty()) {
    return bad_input(path, reason);
  }
  return Payload{.source = path,
                 .guid = guid_of_contents(bytes),
                 .name = ascii_name(std::filesystem::path(path).stem().string()),
                 .executable = std::move(bytes)};
}

}  // namespace redoubt::tool
