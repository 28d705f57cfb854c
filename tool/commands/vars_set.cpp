// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars set`: makes or changes a variable of a store file, by the driver's own rules unless --owner says
// otherwise. The file changes as a whole or not at all.
#include <format>
#include <memory>

#include "drivers/variable/defined_variables.hpp"
#include "tool/commands/commands.hpp"
#include "tool/files.hpp"
#include "tool/variables/repair.hpp"
#include "tool/variables/selection.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool {

namespace {

namespace attribute = variable::attribute;
using variables::Authority;
using variables::StoredVariable;

struct Options {
  std::string file;
  variables::Selection selection;
  Option hexadecimal;
  Option text;
  Option text16;
  std::string data;  // of whichever of the three was given
  std::string data_file;
  std::string attributes;
  std::string output;
  bool append = false;
  bool owner = false;
  bool repair = false;
};

Result<std::vector<std::byte>, CommandError> data_of(const Options& options) {
  if (!options.data_file.empty()) {
    return read_file(options.data_file);
  }
  std::vector<std::byte> bytes;
  if (options.hexadecimal.given()) {
    auto parsed = variables::parse_hex(options.data);
    if (!parsed.has_value()) {
      return bad_input("--hex", "isn't made of pairs of hexadecimal digits");
    }
    bytes = std::move(*parsed);
  } else if (options.text.given()) {
    const auto characters = std::as_bytes(std::span(options.data));
    bytes.assign(characters.begin(), characters.end());
    bytes.push_back(std::byte{0});
  } else if (options.text16.given()) {
    const auto units = variables::from_utf8(options.data);
    if (!units.has_value()) {
      return bad_input("--text16", "isn't UTF-8");
    }
    const auto characters = std::as_bytes(std::span(units->c_str(), units->size() + 1));
    bytes.assign(characters.begin(), characters.end());
  } else {
    return bad_input("vars set", "one of --hex, --text, --text16 and --file is needed (see --help)");
  }
  if (bytes.empty()) {
    return bad_input("vars set", "no data: a variable without data doesn't exist (`vars delete` deletes one)");
  }
  return bytes;
}

// The attributes that were asked for; else those that the variable has; else those that UEFI or custom gives it.
Result<std::uint32_t, CommandError> attributes_of(const Options& options, const StoredVariable* old,
                                                  const variable::VariableId& id) {
  if (!options.attributes.empty()) {
    const auto parsed = variables::parse_attributes(options.attributes);
    if (!parsed.has_value()) {
      return bad_input("--attributes", std::format("'{}' isn't made of NV, BS, RT, HR and AT with commas between them",
                                                   options.attributes));
    }
    return *parsed;
  }
  if (old != nullptr) {
    return old->attributes;
  }
  return variable::needs_authentication(id) ? attribute::nv_bs_rt_at : attribute::nv_bs_rt;
}

CommandResult set(const Options& options) {
  const auto data = TRY(data_of(options));
  auto [store, repaired] = TRY(variables::open_to_change(options.file, options.repair));
  const variables::SelectedVariable selected = TRY(variables::select_any(store, options.selection));
  std::uint32_t attributes = TRY(attributes_of(options, store.find(selected.id()), selected.id()));
  attributes |= options.append ? attribute::append_write : 0;
  TRY(store.set(selected.id(), attributes, data, options.owner ? Authority::owner : Authority::driver));
  TRY(store.save(options.output));
  variables::print_repair(repaired);
  return ExitStatus::success;
}

}  // namespace

void add_vars_set(CommandLine& command_line) {
  const Verb verb = command_line.group("vars", "").add_verb("set", "Make or change a variable");
  const auto options = std::make_shared<Options>();
  verb.footer(
      "The driver's own code makes the change, by the rules that it has for its callers at the end of DXE.\n"
      "FILE is replaced as a whole, or not at all; not while a virtual machine uses it.\n"
      "--owner: whoever may write the file may write any variable. PK, KEK, db and dbx are then plain signature\n"
      "lists (cert-to-efi-sig-list), and no signature is asked for.\n"
      "A damaged store is refused with exit status 2, unless --repair is given.");
  verb.add_option("FILE", options->file, "File with a variable store").required();
  variables::add_selection(verb, options->selection);
  options->hexadecimal = verb.add_option("--hex", options->data, "Data in hexadecimal");
  options->text =
      verb.add_option("--text", options->data, "Data: these characters and a zero (CHAR8, as PlatformLang)");
  options->text16 = verb.add_option("--text16", options->data, "Data: this text as UCS-2 and a zero (CHAR16)");
  const Option file = verb.add_option("--file", options->data_file, "Data: the contents of this file");
  options->hexadecimal.excludes(options->text).excludes(options->text16).excludes(file);
  options->text.excludes(options->text16).excludes(file);
  options->text16.excludes(file);
  verb.add_option("--attributes", options->attributes,
                  "Attributes, like NV,BS,RT; by default those that it has, for a new one NV,BS,RT and for a key "
                  "database of Secure Boot AT too");
  verb.add_flag("--append", options->append, "Append to the data that it has");
  verb.add_flag("--owner", options->owner, "Write without asking UEFI's rules or for a signature");
  variables::add_repair_option(verb, options->repair);
  verb.add_option("-o,--output", options->output, "Write the changed file here and leave FILE as it is");
  command_line.on_chosen(verb, [options] { return set(*options); });
}

}  // namespace redoubt::tool
