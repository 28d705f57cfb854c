// SPDX-License-Identifier: BSD-2-Clause-Patent
// Files that a port adds to a tree: all of them or none, none over a file that was written or changed by hand, none
// outside of the tree. A second run finds what the first wrote and leaves it.
#pragma once

#include <span>

#include "tool/port/workspace/tree.hpp"

namespace redoubt::port {

struct NewFile {
  std::string path;  // a tree path
  std::string text;
};

// A file that is there, and what it becomes.
struct ChangedFile {
  std::string path;
  std::string before;
  std::string after;
};

// Which of them were written; the others were there as they should be. A file to be changed has to be as it was read.
ReadResult<std::vector<std::string>> write_port(const Tree& tree, std::span<const NewFile> files,
                                                std::span<const ChangedFile> changes);
inline ReadResult<std::vector<std::string>> add_files(const Tree& tree, std::span<const NewFile> files) {
  return write_port(tree, files, {});
}

}  // namespace redoubt::port
