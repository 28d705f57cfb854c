// SPDX-License-Identifier: BSD-2-Clause-Patent
// Files that a port adds to a tree: all of them or none, none over a file that somebody wrote or changed, none outside
// of the tree. A second run finds what the first wrote and leaves it.
#pragma once

#include <span>

#include "tool/port/workspace/tree.hpp"

namespace redoubt::port {

struct NewFile {
  std::string path;  // a tree path
  std::string text;
};

// Which of them were written; the others were there as they should be.
ReadResult<std::vector<std::string>> add_files(const Tree& tree, std::span<const NewFile> files);

}  // namespace redoubt::port
