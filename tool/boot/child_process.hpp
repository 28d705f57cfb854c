// SPDX-License-Identifier: BSD-2-Clause-Patent
// A program started with channels to it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"
#include "tool/host_files/regular_file.hpp"

namespace redoubt::tool::boot {

// One line that says what failed and why.
template <typename T>
using Attempt = Result<T, std::string>;

// The system's words for an errno.
[[nodiscard]] std::string system_error_text(int error);

// The two ends of a channel: ours, which no child inherits, and QEMU's.
struct Channel {
  Descriptor own;
  Descriptor peer;
};

// Ours doesn't block.
[[nodiscard]] Attempt<Channel> open_socket();
[[nodiscard]] Attempt<Channel> open_pipe();

// Runs the program that `arguments` begin with; what it writes to standard output and standard error goes to `output`.
// It inherits all descriptors that aren't closed on exec, has its own process group, and doesn't outlive this process.
[[nodiscard]] Attempt<pid_t> start_child(std::vector<std::string> arguments, const Descriptor& output);

}  // namespace redoubt::tool::boot
