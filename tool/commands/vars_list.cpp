// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars list`: the variables of a store file, with what the driver would publish about Secure Boot on it.
#include <cstdio>
#include <format>
#include <memory>

#include "tool/commands/commands.hpp"
#include "tool/variables/json.hpp"
#include "tool/variables/repair.hpp"
#include "tool/variables/secure_boot_text.hpp"

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

std::string store_text(const StoreFile& store) {
  const variables::VolumePlace& place = store.place();
  const bool is_damaged = store.damage() != nullptr;
  std::string text = std::format(
      "Variable volume at {:#x}: {} in blocks of {}; {}\n", place.offset, size_text(place.layout.volume_size),
      size_text(place.layout.block_size),
      is_damaged ? std::format("damaged at {:#x}", store.damage()->offset)
                 : std::format("{} of {} for variables in use", size_text(store.used()), size_text(store.capacity())));
  text += std::format("Secure Boot: {}\n", variables::secure_boot_text(store));
  text += std::format("Variables{}: {}\n", is_damaged ? " in front of the damage" : "", store.variables().size());
  for (const StoredVariable& variable : store.variables()) {
    text += std::format("  {}\n", variables::variable_row(variable));
  }
  return text;
}

Json store_json(const StoreFile& store) {
  const variables::VolumePlace& place = store.place();
  Json json;
  json["file"] = store.path();
  json["volume"] = {
      {"offset", place.offset}, {"length", place.layout.volume_size}, {"block_size", place.layout.block_size}};
  const variables::Damage* damage = store.damage();
  json["damage"] = damage != nullptr ? variables::damage_json(*damage) : Json();
  json["keys_in_front_of_damage"] = store.secure_boot().keys_in_front;
  json["capacity"] = damage != nullptr ? Json() : Json(store.capacity());
  json["used"] = damage != nullptr ? Json() : Json(store.used());
  json["setup_mode"] = store.secure_boot().setup_mode;
  json["deployed_mode"] = store.secure_boot().deployed_mode;
  json["secure_boot"] = store.secure_boot().secure_boot;
  json["vendor_keys"] = store.secure_boot().vendor_keys;
  json["variables"] = variables::variables_json(store.variables());
  return json;
}

CommandResult list(const Options& options) {
  const StoreFile store = TRY(StoreFile::open(options.file));
  const std::string text = options.json ? variables::json_text(store_json(store)) : store_text(store);
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  static_cast<void>(std::fputs(text.c_str(), stdout));
  return variables::shown(store);
}

}  // namespace

void add_vars_list(CommandLine& command_line) {
  const Verb verb = command_line.group("vars", "Read and edit the UEFI variables in a variable store file")
                        .add_verb("list", "List the variables");
  const auto options = std::make_shared<Options>();
  verb.footer(
      "Takes the file of a variable store (OVMF_VARS*.fd) or a flash image with one in it; never writes to it.\n"
      "Attributes: NV non-volatile, BS boot service access, RT runtime access, HR hardware error record,\n"
      "AT time-based authenticated write.\n"
      "Of a damaged store what is in front of the damage is listed; standard error says where it is, and the exit\n"
      "status is 1.");
  verb.add_option("FILE", options->file, "File with a variable store").required();
  verb.add_flag("--json", options->json, "Print JSON, with the variables' data in hexadecimal");
  command_line.on_chosen(verb, [options] { return list(*options); });
}

}  // namespace redoubt::tool
