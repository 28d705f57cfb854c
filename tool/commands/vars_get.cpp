// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars get`: one variable of a store file: attributes, what its content means where that is known, and its
// data.
#include <cstdio>
#include <format>
#include <memory>

#include "abi/uefi/guid_text.hpp"
#include "image/known_guids.hpp"
#include "tool/commands/commands.hpp"
#include "tool/files.hpp"
#include "tool/variables/content.hpp"
#include "tool/variables/json.hpp"
#include "tool/variables/repair.hpp"
#include "tool/variables/selection.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool {

namespace {

using variables::StoredVariable;
using variables::StoreFile;

struct Options {
  std::string file;
  variables::Selection selection;
  std::string output;
  bool raw = false;
  bool json = false;
};

std::string variable_text(const StoredVariable& variable) {
  const std::string_view vendor = image::known_name(variable.vendor);
  std::string text = std::format("{}\n", variables::to_utf8(variable.name));
  text += std::format("  vendor      {}{}\n", abi::to_text(variable.vendor).view(),
                      vendor.empty() ? "" : std::format(" ({})", vendor));
  text += std::format("  attributes  {}\n", variables::attributes_text(variable.attributes));
  if (const std::string stamp = variables::time_text(variable.time_stamp); !stamp.empty()) {
    text += std::format("  time stamp  {}\n", stamp);
  }
  bool first = true;
  for (const std::string& line : variables::describe_content(variable.id(), variable.data)) {
    text += std::format("  {:<11} {}\n", first ? "content" : "", line);
    first = false;
  }
  text += std::format("  data        {} bytes at {:#x}\n", variable.data.size(), variable.offset);
  return text + variables::hex_dump(variable.data, "    ");
}

CommandResult get(const Options& options) {
  const StoreFile store = TRY(StoreFile::open(options.file));
  const variables::SelectedVariable selected = TRY(variables::select_present(store, options.selection));
  const StoredVariable& variable = *store.find(selected.id());
  if (!options.output.empty()) {
    TRY(write_file(options.output, variable.data));
    return variables::shown(store);
  }
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  if (options.raw) {
    static_cast<void>(std::fwrite(variable.data.data(), 1, variable.data.size(), stdout));
    return variables::shown(store);
  }
  std::string text;
  if (options.json) {
    variables::Json json = variables::variable_json(variable);
    json["content"] = variables::describe_content(variable.id(), variable.data);
    text = variables::json_text(json);
  } else {
    text = variable_text(variable);
  }
  static_cast<void>(std::fputs(text.c_str(), stdout));
  return variables::shown(store);
}

}  // namespace

void add_vars_get(CommandLine& command_line) {
  const Verb verb = command_line.group("vars", "").add_verb("get", "Show one variable, or write its data to a file");
  const auto options = std::make_shared<Options>();
  verb.footer(
      "Never writes to FILE. What firmware makes anew at each boot, like SecureBoot and SetupMode, isn't in it;\n"
      "`vars list` says what they will be. Exit status 1 when there is no such variable, and for a damaged store also\n"
      "when there is one in front of the damage.");
  verb.add_option("FILE", options->file, "File with a variable store").required();
  variables::add_selection(verb, options->selection);
  const Option raw = verb.add_flag("--raw", options->raw, "Give the data alone, as they are");
  verb.add_option("-o,--output", options->output, "Write the data to this file instead of standard output").needs(raw);
  verb.add_flag("--json", options->json, "Print JSON, with the data in hexadecimal").excludes(raw);
  command_line.on_chosen(verb, [options] { return get(*options); });
}

}  // namespace redoubt::tool
