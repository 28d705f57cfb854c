// SPDX-License-Identifier: BSD-2-Clause-Patent
// One function for each verb: it adds the verb's options and says what to run (tool/command.hpp). main.cpp calls them
// all; the order there is the order in --help.
#pragma once

#include "tool/command.hpp"

namespace redoubt::tool {

void add_image_convert(CommandLine& command_line);
void add_image_list(CommandLine& command_line);
void add_boot(CommandLine& command_line);
void add_depex(CommandLine& command_line);
void add_new_driver(CommandLine& command_line);
void add_port(CommandLine& command_line);
void add_vars_list(CommandLine& command_line);
void add_vars_get(CommandLine& command_line);
void add_vars_set(CommandLine& command_line);
void add_vars_delete(CommandLine& command_line);
void add_vars_check(CommandLine& command_line);
void add_vars_repair(CommandLine& command_line);

}  // namespace redoubt::tool
