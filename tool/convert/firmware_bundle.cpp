// SPDX-License-Identifier: BSD-2-Clause-Patent
// The manifest is our own build's, but it's a file that a user can edit, so it's read like any other input.
#include "tool/convert/firmware_bundle.hpp"

#include "tool/convert/fault_policies.hpp"

#include <format>
#include <nlohmann/json.hpp>

#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/guid_text.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {

namespace {

namespace names = abi::image_names;
using Json = nlohmann::json;

constexpr const char* manifest_name = "firmware.json";

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
    if (is_missing(path_)) {
      return bad_input(path_,
                       "isn't there: that folder isn't one of Redoubt's firmware images, as a firmware build is");
    }
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
  static bool is_missing(const std::string& path) {
    std::error_code error;
    return std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found;
  }

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
    if (is_missing(module.source)) {
      return bad_input(module.source, std::format("isn't there, and {} names it: in a build's folder, "
                                                  "`ninja firmware_bundle` makes all that it names",
                                                  manifest_name));
    }
    module.executable = TRY(read_file(module.source));
    TRY(read_depex(entry, module));
    if (role_name == "driver") {
      const auto guid = abi::parse_guid(text_of(entry, "guid"));
      module.name = text_of(entry, "name");
      if (!guid.has_value() || module.name.empty()) {
        return bad_input(path_, std::format("has no guid or name for the driver {}", file));
      }
      module.guid = *guid;
      if (entry.contains("fault")) {
        const auto policy = parse_fault_policy(text_of(entry, "fault"));
        if (!policy.has_value()) {
          return bad_input(path_, std::format("has no fault policy for the driver {} that is one", file));
        }
        module.fault_policy = *policy;
      }
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
    if (!depex->is_array()) {
      return bad_input(path_, "has a depex that isn't a list of GUIDs");
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

}  // namespace redoubt::tool
