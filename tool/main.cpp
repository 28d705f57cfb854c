// SPDX-License-Identifier: BSD-2-Clause-Patent
// The `redoubt` command: a list of verbs and nothing else.
#include "tool/commands/commands.hpp"

int main(int argc, char** argv) {
  using namespace redoubt::tool;
  CommandLine command_line;
  add_image_list(command_line);
  add_image_convert(command_line);
  add_boot(command_line);
  add_depex(command_line);
  add_new_driver(command_line);
  add_port(command_line);
  add_vars_list(command_line);
  add_vars_get(command_line);
  add_vars_set(command_line);
  add_vars_delete(command_line);
  add_vars_check(command_line);
  add_vars_repair(command_line);
  return command_line.run(argc, argv);
}
