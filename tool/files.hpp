// SPDX-License-Identifier: BSD-2-Clause-Patent
// Whole files in and out, with errors that name the file and what the system said about it.
#pragma once

#include <string>
#include <vector>

#include "base/byte_reader.hpp"
#include "tool/command.hpp"

namespace redoubt::tool {

// Larger than any firmware image, smaller than what would make the machine swap.
inline constexpr std::uint64_t largest_file = std::uint64_t{1} << 30;

// A regular file, not empty.
Result<std::vector<std::byte>, CommandError> read_file(const std::string& path);

// All of it or nothing: written beside its target and renamed, so that no half file is ever taken for a whole one.
// Exit status 2 for a path that cannot be written, 1 when the disk is full.
Result<void, CommandError> write_file(const std::string& path, Bytes bytes);

// The same for a file that is there: its owner and mode stay, a symbolic link to it stays one. Refuses a file that may
// not be written and one that another process has locked, as QEMU locks the images that it uses.
Result<void, CommandError> replace_file(const std::string& path, Bytes bytes);

}  // namespace redoubt::tool
