// SPDX-License-Identifier: BSD-2-Clause-Patent
// The source tree that metadata files speak of: paths from its top, and from the tops of further trees that edk2 calls
// PACKAGES_PATH. Nothing outside of them is opened, whatever a path or a symbolic link says. Files are read once.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "tool/port/metadata/document.hpp"

namespace redoubt::port {

class Tree {
 public:
  // The first top is the one that names and results belong to. Each must be a folder.
  static ReadResult<Tree> open(const std::vector<std::string>& tops);

  // From the nearest folder above the module's file from which all packages that it lists are found. `module` becomes
  // the module's tree path.
  static ReadResult<Tree> around(const std::string& file, std::string& module);

  const std::vector<std::filesystem::path>& tops() const { return tops_; }
  // The tree path of a file in the file system, if it is in the tree.
  ReadResult<std::string> path_of(const std::string& file) const;
  bool has(const std::string& path) const;
  // Where it is in the file system. `asked_at` is what an error names: the line that asks for it.
  ReadResult<std::filesystem::path> locate(const std::string& path, const Place& asked_at) const;
  ReadResult<std::shared_ptr<const Document>> read(const std::string& path, const Place& asked_at);
  ReadResult<std::shared_ptr<const Document>> read(const std::string& path) { return read(path, {path}); }

  // Tree paths of all files of the first top with one of these endings, in order. Follows no symbolic links to folders,
  // and passes over folders whose names begin with a dot.
  ReadResult<std::vector<std::string>> list(const std::vector<std::string>& endings) const;

 private:
  std::vector<std::filesystem::path> tops_;
  std::map<std::string, std::shared_ptr<const Document>, std::less<>> read_;
};

}  // namespace redoubt::port
