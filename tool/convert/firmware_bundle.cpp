// SPDX-License-Identifier: BSD-2-Clause-Patent
// The manifest is our own build's, but it's a file that anybody can edit, so it's read like any other input.
#include "tool/convert/firmware_bundle.hpp"

#include <lzma.h>

#include <format>
#include <nlohmann/json.hpp>

#include "abi/pi/pei.hpp"
#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/guid_text.hpp"
#include "image/depex.hpp"
#include "image/edit/assemble.hpp"
#include "image/executable.hpp"
#include "image/firmware_volume.hpp"
#include "image/names.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {

namespace {

namespace names = abi::image_names;
using Json = nlohmann::json;
using abi::SectionType;
using image::ExecutableView;

constexpr const char* manifest_name = "firmware.json";

// Checks every relocation, so that loading the image can't fail later.
std::string why_not_relocatable(const ExecutableView& view) {
  if (!view.relocatable()) {
    return "its relocations are stripped";
  }
  image::RelocationCursor relocations = view.relocations();
  while (true) {
    const auto relocation = relocations.next();
    if (!relocation.has_value()) {
      return relocation.error().reason;
    }
    if (!relocation->has_value()) {
      return {};
    }
  }
}

// The GUID of a file that comes without one. It only has to differ from others' and be the same next time: a checksum
// does, and insert() of a name that is taken is refused anyway.
abi::Guid guid_of_contents(Bytes contents) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(contents.data());
  const std::uint64_t crc64 = lzma_crc64(bytes, contents.size(), 0);
  const std::uint32_t crc32 = lzma_crc32(bytes, contents.size(), 0);
  abi::Guid guid{};
  guid.data1 = crc32;
  guid.data2 = static_cast<std::uint16_t>(contents.size());
  guid.data3 = static_cast<std::uint16_t>(0x8000U | (contents.size() >> 16 & 0x0FFF));  // version 8: custom (RFC 9562)
  std::memcpy(guid.data4, &crc64, sizeof(crc64));
  guid.data4[0] = static_cast<std::uint8_t>(0x80U | (guid.data4[0] & 0x3FU));  // variant
  return guid;
}

std::string ascii_name(const std::string& text) {
  std::string name;
  for (const char character : text) {
    name += character >= 0x20 && character < 0x7F ? character : '_';
  }
  return name;
}

Result<DriverFile, CommandError> driver_from_file(const std::string& path, Buffer bytes) {
  // The attribute for large files means nothing in file system 2, so this reads both.
  const auto file = image::FileView::create(bytes, 0, image::FileSystem::ffs3);
  if (!file.has_value()) {
    return bad_input(path, std::format("neither a PE image nor a firmware file: {}", file.error().reason));
  }
  if (file->bytes().size() != bytes.size()) {
    return bad_input(path, "has bytes behind the firmware file in it");
  }
  if (file->type() != abi::FileType::mm_standalone) {
    return bad_input(path, std::format("is a file of type {:#04x} ({}), not an MM_STANDALONE driver (0x0e)",
                                       static_cast<unsigned>(file->type()), image::type_name(file->type())));
  }
  if (file->state() != image::FileState::data_valid) {
    return bad_input(path, "isn't marked as valid");
  }
  if (const auto checked = file->check_data(); !checked.has_value()) {
    return bad_input(path, checked.error().reason);
  }
  const auto executable = file->find_section(SectionType::pe32);
  if (!executable.has_value()) {
    return bad_input(path, executable.error().reason, executable.error().offset);
  }
  if (!executable->has_value()) {
    return bad_input(path, "has no PE32 section (TE and compressed images can't be protected by page)");
  }
  if (const std::string reason = why_not_protectable((*executable)->payload()); !reason.empty()) {
    return bad_input(path, reason);
  }
  const auto depex = file->find_section(SectionType::mm_depex);
  if (depex.has_value() && depex->has_value()) {
    const auto view = image::DepexView::create((*depex)->payload());
    if (!view.has_value()) {
      return bad_input(path, std::format("DEPEX: {}", view.error().reason));
    }
  }
  DriverFile driver{.source = path, .guid = file->name(), .name = {}, .file = {}};
  if (const auto name = file->find_section(SectionType::user_interface); name.has_value() && name->has_value()) {
    const Bytes text = (*name)->payload();
    for (std::size_t i = 0; i + 1 < text.size() && (text[i] != std::byte{0} || text[i + 1] != std::byte{0}); i += 2) {
      driver.name += text[i + 1] == std::byte{0} ? static_cast<char>(text[i]) : '?';
    }
    driver.name = ascii_name(driver.name);
  }
  driver.file = std::move(bytes);
  return driver;
}

// ---- Manifest ----

// What the entries of the manifest with a fixed role are called in an image.
struct Role {
  const char* name;
  FirmwareModule FirmwareBundle::* module;
  abi::Guid guid;
  const char* file_name;
  bool protectable;  // by page; the IPL runs before there is paging
};

const Role roles[] = {
    {"ipl", &FirmwareBundle::ipl, names::ipl, names::ipl_name, false},
    {"supervisor", &FirmwareBundle::supervisor, names::supervisor, names::supervisor_name, true},
    {"foundation", &FirmwareBundle::foundation, names::foundation, names::foundation_name, true},
    {"communication", &FirmwareBundle::communication, names::communication_dxe, names::communication_dxe_name, true},
};

class ManifestReader {
 public:
  explicit ManifestReader(std::filesystem::path directory)
      : directory_(std::move(directory)), path_((directory_ / manifest_name).string()) {}

  Result<FirmwareBundle, CommandError> read() {
    const auto text = TRY(read_file(path_));
    const Json manifest =
        Json::parse(reinterpret_cast<const char*>(text.data()),
                    reinterpret_cast<const char*>(text.data()) + text.size(), nullptr, /*allow_exceptions=*/false);
    if (!manifest.is_object() || !manifest.contains("images") || !manifest["images"].is_array()) {
      return bad_input(path_, "isn't a manifest of firmware images");
    }
    for (const Json& entry : manifest["images"]) {
      TRY(read_entry(entry));
    }
    for (const Role& role : roles) {
      if ((bundle_.*role.module).executable.empty()) {
        return bad_input(path_, std::format("names no {} image", role.name));
      }
    }
    return std::move(bundle_);
  }

 private:
  static std::string text_of(const Json& entry, const char* key) {
    const auto found = entry.find(key);
    return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
  }

  Result<void, CommandError> read_entry(const Json& entry) {
    const std::string role_name = text_of(entry, "role");
    const std::string file = text_of(entry, "file");
    if (role_name.empty() || file.empty()) {
      return bad_input(path_, "has an entry without role or file");
    }
    FirmwareModule module;
    module.source = (directory_ / file).string();
    module.executable = TRY(read_file(module.source));
    TRY(read_depex(entry, module));
    if (role_name == "driver") {
      const auto guid = abi::parse_guid(text_of(entry, "guid"));
      module.name = text_of(entry, "name");
      if (!guid.has_value() || module.name.empty()) {
        return bad_input(path_, std::format("has no guid or name for the driver {}", file));
      }
      module.guid = *guid;
      TRY(check_protectable(module));
      bundle_.drivers.push_back(std::move(module));
      return {};
    }
    const auto* role = std::ranges::find_if(roles, [&](const Role& known) { return role_name == known.name; });
    if (role == std::end(roles)) {
      return bad_input(path_, std::format("has an entry with an unknown role, {}", role_name));
    }
    module.guid = role->guid;
    module.name = role->file_name;
    if (role->protectable) {
      TRY(check_protectable(module));
    }
    bundle_.*role->module = std::move(module);
    return {};
  }

  Result<void, CommandError> read_depex(const Json& entry, FirmwareModule& module) {
    const auto depex = entry.find("depex");
    if (depex == entry.end()) {
      return {};
    }
    for (const Json& term : *depex) {
      const auto guid = term.is_string() ? abi::parse_guid(term.get<std::string>()) : std::nullopt;
      if (!guid.has_value()) {
        return bad_input(path_, "has a depex that isn't a list of GUIDs");
      }
      module.depex.push_back(*guid);
    }
    return {};
  }

  static Result<void, CommandError> check_protectable(const FirmwareModule& module) {
    if (const std::string reason = why_not_protectable(module.executable); !reason.empty()) {
      return bad_input(module.source, reason);
    }
    return {};
  }

  std::filesystem::path directory_;
  std::string path_;
  FirmwareBundle bundle_;
};

}  // namespace

std::string why_not_protectable(Bytes executable) {
  const auto view = ExecutableView::create(executable);
  if (!view.has_value()) {
    return std::format("isn't a PE image: {}", view.error().reason);
  }
  if (view->machine() != abi::pe::machine_x64 || view->format() != image::ExecutableFormat::pe32_plus) {
    return std::format("is {} for {}, not PE32+ for X64", image::format_name(view->format()),
                       image::machine_name(view->machine()));
  }
  if (view->subsystem() != abi::pe::subsystem_boot_service_driver &&
      view->subsystem() != abi::pe::subsystem_runtime_driver) {
    return std::format("has subsystem {}, neither boot service nor runtime driver", view->subsystem());
  }
  if (view->section_alignment() % 4096 != 0) {
    return std::format("its sections are aligned to {}, not to 4 KiB", view->section_alignment());
  }
  if (!view->page_protectable()) {
    return "has a section that is writable and executable, or none of its own page";
  }
  if (view->entry_point() == 0) {
    return "has no entry point";
  }
  return why_not_relocatable(*view);
}

Result<FirmwareBundle, CommandError> read_firmware_bundle(const std::filesystem::path& directory) {
  return ManifestReader(directory).read();
}

std::filesystem::path default_firmware_directory() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path beside = program.parent_path() / "firmware";
  // The tool of a build tree lies in build/release/bin, its firmware in build/firmware.
  const std::filesystem::path in_build_tree = program.parent_path().parent_path().parent_path() / "firmware";
  if (!std::filesystem::exists(beside / manifest_name, error) &&
      std::filesystem::exists(in_build_tree / manifest_name, error)) {
    return in_build_tree;
  }
  return beside;
}

Result<DriverFile, CommandError> read_driver(const std::string& path) {
  Buffer bytes = TRY(read_file(path));
  const auto signature = read_at<std::uint16_t>(bytes, 0);
  if (!signature.has_value() || *signature != abi::pe::dos_signature) {
    return driver_from_file(path, std::move(bytes));
  }
  FirmwareModule module{.source = path,
                        .guid = guid_of_contents(bytes),
                        .name = ascii_name(std::filesystem::path(path).stem().string()),
                        .depex = {},
                        .executable = std::move(bytes)};
  return make_driver_file(module);
}

namespace {

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

Result<DriverFile, CommandError> make_driver_file(const FirmwareModule& module) {
  if (const std::string reason = why_not_protectable(module.executable); !reason.empty()) {
    return bad_input(module.source, reason);
  }
  Buffer data;
  image::edit::append_section(data, SectionType::mm_depex, image::edit::depex_data(module.depex));
  image::edit::append_section(data, SectionType::pe32, module.executable);
  image::edit::append_section(data, SectionType::user_interface, image::edit::user_interface_data(module.name));
  auto file = image::edit::make_file({.name = module.guid, .type = abi::FileType::mm_standalone}, data);
  if (!file.has_value()) {
    return bad_input(module.source, file.error().reason);
  }
  return DriverFile{.source = module.source, .guid = module.guid, .name = module.name, .file = std::move(*file)};
}

}  // namespace redoubt::tool
