// SPDX-License-Identifier: BSD-2-Clause-Patent
// What every verb of the `redoubt` command has in common: how it gets onto the command line, how it says that it
// failed, and what the exit status means. A verb is one file in tool/commands/ with one function that main.cpp lists;
// it parses nothing by hand and prints errors by returning them.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace redoubt::tool {

enum class ExitStatus : int {
  success = 0,
  negative = 1,   // what was looked for was found, or what was tried failed
  bad_input = 2,  // bad usage, or input that cannot be used
};

// Why a verb didn't finish, printed by main as one line: "redoubt: MESSAGE".
struct CommandError {
  ExitStatus status = ExitStatus::bad_input;
  std::string message;
};

// "FILE: offset 0x..: REASON", without the offset where there is none. Control characters in it are replaced, since
// file names and what they hold are others' choice.
std::unexpected<CommandError> bad_input(const std::string& file, const std::string& reason,
                                        std::optional<std::uint64_t> offset = std::nullopt);
// The same with exit status 1.
std::unexpected<CommandError> failure(const std::string& subject, const std::string& reason);

using CommandResult = Result<ExitStatus, CommandError>;
using Action = std::function<CommandResult()>;

class CommandLine {
 public:
  CommandLine();

  // The command itself, for a verb that stands alone (`redoubt boot`).
  CLI::App& root() { return root_; }
  // A group of verbs (`redoubt image ...`), made at its first use.
  CLI::App& group(const std::string& name, const std::string& description);
  // Has `action` run, once the whole command line is parsed, if `verb` was on it. Options that the action uses must
  // outlive parsing: keep them in a shared_ptr that the action holds.
  void on_chosen(CLI::App& verb, Action action);

  // Parses, runs, prints what went wrong. Returns the process's exit status.
  int run(int argc, char** argv);

 private:
  CLI::App root_;
  Action chosen_;
};

}  // namespace redoubt::tool
