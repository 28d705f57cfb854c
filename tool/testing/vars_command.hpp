// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars` as tests run it: in their own process, with what it prints.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "tool/commands/commands.hpp"

namespace redoubt::tool {

struct Outcome {
  int status;
  std::string output;
  std::string error;
};

inline Outcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"redoubt", "vars"});
  std::vector<char*> argv;
  std::ranges::transform(arguments, std::back_inserter(argv), [](std::string& text) { return text.data(); });
  CommandLine command_line;
  add_vars_list(command_line);
  add_vars_get(command_line);
  add_vars_set(command_line);
  add_vars_delete(command_line);
  add_vars_check(command_line);
  add_vars_repair(command_line);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int status = command_line.run(static_cast<int>(argv.size()), argv.data());
  return {status, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

}  // namespace redoubt::tool
