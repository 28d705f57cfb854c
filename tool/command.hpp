// SPDX-License-Identifier: BSD-2-Clause-Patent
// What every verb of the `redoubt` command has in common: how it gets onto the command line, how it says that it
// failed, and what the exit status means. A verb is one file in tool/commands/ with one function that main.cpp lists;
// it parses nothing by hand and prints errors by returning them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

// CLI11 parses the command line. It takes longer to compile than any verb, so that command.cpp alone includes it.
namespace CLI {
class App;
class Option;
}  // namespace CLI

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

// An option or argument of a verb. Only refers to it: the command line owns it, and copies mean the same one.
class Option {
 public:
  Option() = default;  // none, and never given
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required() const;
  Option type_name(const std::string& name) const;  // of its value, in --help
  Option capture_default() const;                   // the value it has now is shown in --help
  Option repeatable() const;                        // one value each time that it is given, and all of them count
  Option in_range(int least, int most) const;
  Option one_of(const std::vector<std::string>& words) const;
  // As a script's unset variable leaves it: that isn't the same as nothing given.
  Option not_empty() const;
  Option needs(const Option& other) const;
  Option excludes(const Option& other) const;
  // Once the command line is parsed.
  [[nodiscard]] bool given() const;

 private:
  CLI::Option* option_ = nullptr;
};

// A verb, or what verbs belong to: the command itself, or a group of them. Only refers to it, as Option does.
// What options write to must outlive parsing: keep it in a shared_ptr that the verb's action holds.
class Verb {
 public:
  explicit Verb(CLI::App* app) : app_(app) {}

  Verb add_verb(const std::string& name, const std::string& description) const;
  void footer(const std::string& text) const;
  Option add_option(const std::string& name, std::string& value, const std::string& description) const;
  Option add_option(const std::string& name, std::filesystem::path& value, const std::string& description) const;
  Option add_option(const std::string& name, std::uint32_t& value, const std::string& description) const;
  Option add_option(const std::string& name, std::vector<std::string>& values, const std::string& description) const;
  Option add_flag(const std::string& name, bool& value, const std::string& description) const;

 private:
  friend class CommandLine;
  CLI::App* app_;
};

class CommandLine {
 public:
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  // The command itself, for a verb that stands alone (`redoubt boot`).
  Verb root();
  // A group of verbs (`redoubt image ...`), made at its first use.
  Verb group(const std::string& name, const std::string& description);
  // Has `action` run, once the whole command line is parsed, if `verb` was on it.
  void on_chosen(const Verb& verb, Action action);

  // Parses, runs, prints what went wrong. Returns the process's exit status.
  int run(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> root_;
  Action chosen_;
};

}  // namespace redoubt::tool
