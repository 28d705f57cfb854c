// SPDX-License-Identifier: BSD-2-Clause-Patent
// Request and answer go through files in memory, so that neither side ever waits for the other to read.
#include "tool/port/sources/facts_program.hpp"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <format>
#include <optional>

#include "tool/host_files/regular_file.hpp"

namespace redoubt::port {

namespace {

namespace fs = std::filesystem;
using tool::Descriptor;

constexpr const char* program_name = "redoubt-source-facts";
// The largest module of edk2 takes under ten seconds; a source that is made to take forever ends here.
constexpr rlim_t most_seconds = 300;
constexpr std::size_t largest_answer = std::size_t{1} << 30;

Descriptor memory_file(const std::string& text) {
  Descriptor file(::memfd_create(program_name, MFD_CLOEXEC));
  std::size_t written = 0;
  while (file.open() && written < text.size()) {
    const ssize_t put = ::write(file.get(), text.data() + written, text.size() - written);
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      return {};
    }
    written += static_cast<std::size_t>(put);
  }
  return file.open() && ::lseek(file.get(), 0, SEEK_SET) == 0 ? std::move(file) : Descriptor();
}

std::optional<std::string> content(const Descriptor& file) {
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size < 0 || static_cast<std::size_t>(size) > largest_answer) {
    return std::nullopt;
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t read = 0;
  while (read < text.size()) {
    const ssize_t got = ::pread(file.get(), text.data() + read, text.size() - read, static_cast<off_t>(read));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return std::nullopt;
    }
    read += static_cast<std::size_t>(got);
  }
  return text;
}

std::unexpected<std::string> failed(const std::string& reason) {
  return std::unexpected(std::format("{}: {}", program_name, reason));
}

}  // namespace

Result<FactsProgram, std::string> FactsProgram::find() {
  std::error_code error;
  const char* named = std::getenv("REDOUBT_SOURCE_FACTS");
  const fs::path program = named != nullptr && *named != '\0'
                               ? fs::path(named)
                               : fs::read_symlink("/proc/self/exe", error).parent_path() / program_name;
  if (error || !fs::is_regular_file(program, error)) {
    return std::unexpected(
        std::format("{} isn't built, which reads C sources: `scripts/build --port` builds it", program_name));
  }
  return FactsProgram(program);
}

Result<nlohmann::json, std::string> FactsProgram::ask(const nlohmann::json& request) const {
  const Descriptor input = memory_file(request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  const Descriptor output = memory_file({});
  const Descriptor errors = memory_file({});
  if (!input.open() || !output.open() || !errors.open()) {
    return failed(tool::last_error());
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, errors.get(), STDERR_FILENO);
  std::string name = program_name;
  const std::array<char*, 2> arguments = {name.data(), nullptr};
  pid_t process = -1;
  const int problem = ::posix_spawn(&process, program_.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) {
    errno = problem;
    return failed(tool::last_error());
  }
  const rlimit limit = {most_seconds, most_seconds};
  static_cast<void>(::prlimit(process, RLIMIT_CPU, &limit, nullptr));
  int status = 0;
  while (::waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) {
      return failed(tool::last_error());
    }
  }
  if (WIFSIGNALED(status)) {
    return failed(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU
                      ? std::format("was ended, as after {} seconds", most_seconds)
                      : std::format("ended by signal {}", WTERMSIG(status)));
  }
  const auto text = content(WEXITSTATUS(status) == 0 ? output : errors);
  if (WEXITSTATUS(status) != 0) {
    const std::string line = text.value_or("").substr(0, text.value_or("").find('\n'));
    const std::string prefix = std::string(program_name) + ": ";
    return failed(line.empty() ? std::format("exit status {}", WEXITSTATUS(status))
                               : line.substr(line.starts_with(prefix) ? prefix.size() : 0));
  }
  nlohmann::json answer = nlohmann::json::parse(text.value_or(""), nullptr, false);
  if (answer.is_discarded() || !answer.is_object() || answer.value("version", 0) != 1) {
    return failed("its answer isn't one");
  }
  return answer;
}

}  // namespace redoubt::port
