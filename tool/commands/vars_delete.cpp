// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars delete`: takes a variable out of a store file, as the driver would.
#include <memory>

#include "tool/commands/commands.hpp"
#include "tool/variables/repair.hpp"
#include "tool/variables/selection.hpp"

namespace redoubt::tool {

namespace {

using variables::Authority;

struct Options {
  std::string file;
  variables::Selection selection;
  std::string output;
  bool owner = false;
  bool repair = false;
};

CommandResult remove(const Options& options) {
  auto [store, repaired] = TRY(variables::open_to_change(options.file, options.repair));
  const variables::SelectedVariable selected = TRY(variables::select_present(store, options.selection));
  TRY(store.remove(selected.id(), options.owner ? Authority::owner : Authority::driver));
  TRY(store.save(options.output));
  variables::print_repair(repaired);
  return ExitStatus::success;
}

}  // namespace

void add_vars_delete(CommandLine& command_line) {
  const Verb verb = command_line.group("vars", "").add_verb("delete", "Delete a variable");
  const auto options = std::make_shared<Options>();
  verb.footer(
      "FILE is replaced as a whole, or not at all; not while a virtual machine uses it.\n"
      "Exit status 1 when there is no such variable, 2 for a damaged store without --repair.");
  verb.add_option("FILE", options->file, "File with a variable store").required();
  variables::add_selection(verb, options->selection);
  verb.add_flag("--owner", options->owner,
                "Delete an authenticated variable without a signature: whoever may write the file may do that");
  variables::add_repair_option(verb, options->repair);
  verb.add_option("-o,--output", options->output, "Write the changed file here and leave FILE as it is");
  command_line.on_chosen(verb, [options] { return remove(*options); });
}

}  // namespace redoubt::tool
