// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars repair`: makes a damaged store one that firmware opens, with all variables that can be found in it, by
// the driver's own code, and says what is lost.
#include <cstdio>
#include <format>
#include <memory>

#include "tool/commands/commands.hpp"
#include "tool/variables/repair.hpp"
#include "tool/variables/secure_boot_text.hpp"

namespace redoubt::tool {

namespace {

struct Options {
  std::string file;
  std::string output;
};

CommandResult repair(const Options& options) {
  const auto [store, repaired] = TRY(variables::open_to_change(options.file, true));
  if (repaired.has_value() || !options.output.empty()) {
    TRY(store.save(options.output));
  }
  variables::print_repair(repaired);
  const std::string text = repaired.has_value()
                               ? std::format("Secure Boot: {}\nVariables: {}\n", variables::secure_boot_text(store),
                                             store.variables().size())
                               : std::string("The variable store isn't damaged; there is nothing to repair.\n");
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  static_cast<void>(std::fputs(text.c_str(), stdout));
  return ExitStatus::success;
}

}  // namespace

void add_vars_repair(CommandLine& command_line) {
  const Verb verb = command_line.group("vars", "").add_verb("repair", "Save what can be found in a damaged store");
  const auto options = std::make_shared<Options>();
  verb.footer(
      "Firmware keeps a damaged store closed (`vars check` says why), since what it can't find may be a key that\n"
      "forbids. This makes a sound store of all variables that can be found, in front of the damage and behind it, "
      "and\n"
      "prints what was saved from behind and what is lost: look for dbx among it before you trust Secure Boot again.\n"
      "FILE is replaced as a whole, or not at all; not while a virtual machine uses it. A sound store stays as it is.\n"
      "Exit status: 0 when the store is sound now, 1 when it can't be repaired, 2 for a file that can't be used.");
  verb.add_option("FILE", options->file, "File with a variable store").required();
  verb.add_option("-o,--output", options->output, "Write the repaired file here and leave FILE as it is");
  command_line.on_chosen(verb, [options] { return repair(*options); });
}

}  // namespace redoubt::tool
