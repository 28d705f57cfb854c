// SPDX-License-Identifier: BSD-2-Clause-Patent
// The one place where the command line becomes an action, and an error a line on standard error.
#include "tool/command.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <format>
#include <utility>

namespace redoubt::tool {

namespace {

// Text from outside may hold line feeds and terminal sequences; an error stays one line.
std::string printable(const std::string& text) {
  std::string result;
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    result += code < 0x20 || code == 0x7F ? '?' : character;
  }
  return result;
}

int report(const CommandError& error) {
  // If standard error is gone the error can't be told.
  static_cast<void>(std::fputs(std::format("redoubt: {}\n", printable(error.message)).c_str(), stderr));
  return static_cast<int>(error.status);
}

// Buffered output that couldn't be written (a full disk, a closed pipe) must not look like success.
bool output_failed() { return std::fflush(stdout) != 0 || std::ferror(stdout) != 0; }

}  // namespace

std::unexpected<CommandError> bad_input(const std::string& file, const std::string& reason,
                                        std::optional<std::uint64_t> offset) {
  if (offset.has_value()) {
    return std::unexpected(
        CommandError{ExitStatus::bad_input, std::format("{}: offset {:#x}: {}", file, *offset, reason)});
  }
  return std::unexpected(CommandError{ExitStatus::bad_input, std::format("{}: {}", file, reason)});
}

std::unexpected<CommandError> failure(const std::string& subject, const std::string& reason) {
  return std::unexpected(CommandError{ExitStatus::negative, std::format("{}: {}", subject, reason)});
}

Option Option::required() const { return Option(option_->required()); }

Option Option::type_name(const std::string& name) const { return Option(option_->type_name(name)); }

Option Option::capture_default() const { return Option(option_->capture_default_str()); }

Option Option::repeatable() const { return Option(option_->expected(1)->take_all()); }

Option Option::in_range(int least, int most) const { return Option(option_->check(CLI::Range(least, most))); }

Option Option::one_of(const std::vector<std::string>& words) const {
  return Option(option_->check(CLI::IsMember(words)));
}

Option Option::not_empty() const {
  return Option(option_->check(
      CLI::Validator([](const std::string& text) { return std::string(text.empty() ? "is empty" : ""); }, "")));
}

Option Option::needs(const Option& other) const { return Option(option_->needs(other.option_)); }

Option Option::excludes(const Option& other) const { return Option(option_->excludes(other.option_)); }

bool Option::given() const { return option_ != nullptr && option_->count() != 0; }

Verb Verb::add_verb(const std::string& name, const std::string& description) const {
  return Verb(app_->add_subcommand(name, description));
}

void Verb::footer(const std::string& text) const { app_->footer(text); }

Option Verb::add_option(const std::string& name, std::string& value, const std::string& description) const {
  return Option(app_->add_option(name, value, description));
}

Option Verb::add_option(const std::string& name, std::filesystem::path& value, const std::string& description) const {
  return Option(app_->add_option(name, value, description));
}

Option Verb::add_option(const std::string& name, std::uint32_t& value, const std::string& description) const {
  return Option(app_->add_option(name, value, description));
}

Option Verb::add_option(const std::string& name, std::vector<std::string>& values,
                        const std::string& description) const {
  return Option(app_->add_option(name, values, description));
}

Option Verb::add_flag(const std::string& name, bool& value, const std::string& description) const {
  return Option(app_->add_flag(name, value, description));
}

CommandLine::CommandLine()
    : root_(std::make_unique<CLI::App>("Moves UEFI firmware to Standalone MM: reads, converts and boots its images",
                                       "redoubt")) {
  root_->set_version_flag("--version", "redoubt " REDOUBT_VERSION);
  root_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Verb CommandLine::root() { return Verb(root_.get()); }

Verb CommandLine::group(const std::string& name, const std::string& description) {
  const auto existing = root_->get_subcommands([&name](CLI::App* app) { return app->get_name() == name; });
  if (!existing.empty()) {
    return Verb(existing.front());
  }
  CLI::App* made = root_->add_subcommand(name, description);
  made->require_subcommand(1);
  return Verb(made);
}

void CommandLine::on_chosen(const Verb& verb, Action action) {
  verb.app_->callback([this, action = std::move(action)] { chosen_ = action; });
}

int CommandLine::run(int argc, char** argv) {
  try {
    root_->parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help and --version
    return root_->exit(success);
  } catch (const CLI::ParseError& error) {
    // A mistyped verb is found missing before it is found unknown; the latter is what helps.
    const auto unknown = root_->remaining(true);
    if (error.get_name() == "RequiredError" && !unknown.empty()) {
      return report(
          {ExitStatus::bad_input, std::format("unknown command or argument '{}' (see --help)", unknown.front())});
    }
    return report({ExitStatus::bad_input, std::string(error.what()) + " (see --help)"});
  }
  if (!chosen_) {
    return report({ExitStatus::bad_input, "no command given (see --help)"});
  }
  try {
    const CommandResult result = chosen_();
    const bool failed = output_failed();
    if (!result.has_value()) {
      return report(result.error());
    }
    if (failed) {
      return report({ExitStatus::negative, "standard output: cannot be written"});
    }
    return static_cast<int>(*result);
  } catch (const std::bad_alloc&) {
    return report({ExitStatus::negative, "out of memory"});
  } catch (const std::exception& error) {
    return report({ExitStatus::negative, error.what()});
  }
}

}  // namespace redoubt::tool
