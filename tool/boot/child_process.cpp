// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <format>
#include <system_error>

namespace redoubt::tool::boot {

namespace {

constexpr std::chrono::milliseconds start_limit{10'000};

// In the new process, where only async-signal-safe calls may be made. An errno goes to `start` if it can't become the
// program.
[[noreturn]] void become(char* const* arguments, pid_t parent, int output, int start) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) {
    _exit(127);
  }
  setpgid(0, 0);  // the terminal's interrupt is for us to act on
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
      dup2(output, STDERR_FILENO) >= 0) {
    execvp(arguments[0], arguments);
  }
  const int error = errno;
  const ssize_t ignored = write(start, &error, sizeof(error));
  static_cast<void>(ignored);
  _exit(127);
}

}  // namespace

std::string system_error_text(int error) { return std::generic_category().message(error); }

Attempt<Channel> open_socket() {
  std::array<int, 2> ends = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) {
    return std::unexpected(std::format("can't open a socket: {}", system_error_text(errno)));
  }
  Channel channel{.own = Descriptor(ends[0]), .peer = Descriptor(ends[1])};
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return channel;
}

Attempt<Channel> open_pipe() {
  std::array<int, 2> ends = {-1, -1};
  if (pipe(ends.data()) != 0) {
    return std::unexpected(std::format("can't open a pipe: {}", system_error_text(errno)));
  }
  Channel channel{.own = Descriptor(ends[0]), .peer = Descriptor(ends[1])};
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return channel;
}

Attempt<pid_t> start_child(std::vector<std::string> arguments, const Descriptor& output) {
  Channel start = TRY(open_pipe());  // carries errno when the program can't be started, closes when it can
  fcntl(start.peer.get(), F_SETFD, FD_CLOEXEC);
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);

  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    return std::unexpected(std::format("can't start a process: {}", system_error_text(errno)));
  }
  if (child == 0) {
    become(pointers.data(), parent, output.get(), start.peer.get());
  }
  static_cast<void>(start.peer.close());
  pollfd started{.fd = start.own.get(), .events = POLLIN, .revents = 0};
  poll(&started, 1, static_cast<int>(start_limit.count()));
  int error = 0;
  if (read(start.own.get(), &error, sizeof(error)) == static_cast<ssize_t>(sizeof(error))) {
    waitpid(child, nullptr, 0);
    return std::unexpected(error == ENOENT
                               ? std::format("{} isn't installed (scripts/install-packages installs it)", arguments[0])
                               : std::format("can't run {}: {}", arguments[0], system_error_text(error)));
  }
  return child;
}

}  // namespace redoubt::tool::boot
