// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars list`: the variables of a store file, with what the driver would publish about Secure Boot on it.
#include <algorithm>
#include <cstdio>
#include <format>
#include <memory>

#include "abi/uefi/guid_text.hpp"
#include "drivers/variable/defined_variables.hpp"
#include "image/known_guids.hpp"
#include "tool/commands/commands.hpp"
#include "tool/variables/content.hpp"
#include "tool/variables/json.hpp"
#include "tool/variables/store_file.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool {

namespace {

using variables::Json;
using variables::StoredVariable;
using variables::StoreFile;

struct Options {
  std::string file;
  bool json = false;
};

std::string size_text(std::uint32_t bytes) { return std::format("{:.1f} KiB", bytes / 1024.0); }

// How many certificates or hashes a database holds.
std::string key_text(const StoreFile& store, const abi::Guid& vendor, std::u16string_view name) {
  const StoredVariable* found = store.find({vendor, name});
  if (found == nullptr) {
    return std::format("{} none", variables::to_utf8(name));
  }
  const auto signatures = variables::parse_signatures(found->data);
  return signatures.has_value() ? std::format("{} {}", variables::to_utf8(name), signatures->size())
                                : std::format("{} damaged", variables::to_utf8(name));
}

std::string secure_boot_text(const StoreFile& store) {
  using variable::global_variable_guid;
  using variable::image_security_database_guid;
  const char* mode = store.secure_boot().setup_mode ? "Setup" : store.secure_boot().deployed_mode ? "Deployed" : "User";
  return std::format("{}, {} Mode; {}, {}, {}, {}", store.secure_boot().secure_boot ? "on" : "off", mode,
                     key_text(store, global_variable_guid, u"PK"), key_text(store, global_variable_guid, u"KEK"),
                     key_text(store, image_security_database_guid, u"db"),
                     key_text(store, image_security_database_guid, u"dbx"));
}

std::string store_text(const StoreFile& store) {
  const variables::VolumePlace& place = store.place();
  std::string text = std::format("Variable volume at {:#x}: {} in blocks of {}; {} of {} for variables in use\n",
                                 place.offset, size_text(place.layout.volume_size), size_text(place.layout.block_size),
                                 size_text(store.used()), size_text(store.capacity()));
  text += std::format("Secure Boot: {}\n", secure_boot_text(store));
  text += std::format("Variables: {}\n", store.variables().size());
  for (const StoredVariable& variable : store.variables()) {
    const std::string_view vendor = image::known_name(variable.vendor);
    text += std::format("  {} {:<23} {:<12} {:>6} {}\n", abi::to_text(variable.vendor).view(),
                        vendor.empty() ? "-" : vendor, variables::attributes_text(variable.attributes),
                        variable.data.size(), variables::to_utf8(variable.name));
  }
  return text;
}

Json store_json(const StoreFile& store) {
  const variables::VolumePlace& place = store.place();
  Json json;
  json["file"] = store.path();
  json["volume"] = {
      {"offset", place.offset}, {"length", place.layout.volume_size}, {"block_size", place.layout.block_size}};
  json["capacity"] = store.capacity();
  json["used"] = store.used();
  json["setup_mode"] = store.secure_boot().setup_mode;
  json["deployed_mode"] = store.secure_boot().deployed_mode;
  json["secure_boot"] = store.secure_boot().secure_boot;
  json["vendor_keys"] = store.secure_boot().vendor_keys;
  json["variables"] = Json::array();
  for (const StoredVariable& variable : store.variables()) {
    json["variables"].push_back(variables::variable_json(variable));
  }
  return json;
}

CommandResult list(const Options& options) {
  const StoreFile store = TRY(StoreFile::open(options.file));
  const std::string text = options.json ? variables::json_text(store_json(store)) : store_text(store);
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  static_cast<void>(std::fputs(text.c_str(), stdout));
  return ExitStatus::success;
}

}  // namespace

void add_vars_list(CommandLine& command_line) {
  CLI::App& verb = *command_line.group("vars", "Read and edit the UEFI variables in a variable store file")
                        .add_subcommand("list", "List the variables");
  const auto options = std::make_shared<Options>();
  verb.footer(
      "Takes the file of a variable store (OVMF_VARS*.fd) or a flash image with one in it; never writes to it.\n"
      "Attributes: NV non-volatile, BS boot service access, RT runtime access, HR hardware error record,\n"
      "AT time-based authenticated write.");
  verb.add_option("FILE", options->file, "File with a variable store")->required();
  verb.add_flag("--json", options->json, "Print JSON, with the variables' data in hexadecimal");
  command_line.on_chosen(verb, [options] { return list(*options); });
}

}  // namespace redoubt::tool
