// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/workspace/tree.hpp"

#include <algorithm>
#include <system_error>

#include "tool/host_files/regular_file.hpp"
#include "tool/port/metadata/inf.hpp"
#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

namespace fs = std::filesystem;

bool is_within(const fs::path& path, const fs::path& top) { return std::ranges::mismatch(top, path).in1 == top.end(); }

ReadResult<std::string> read_text(const fs::path& path, const std::string& name) {
  const auto bytes = tool::read_regular_file(path.string(), largest_document);
  if (!bytes.has_value()) {
    return refuse({name}, bytes.error());
  }
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

}  // namespace

ReadResult<Tree> Tree::open(const std::vector<std::string>& tops) {
  Tree tree;
  for (const std::string& top : tops) {
    std::error_code error;
    const fs::path folder = fs::canonical(top, error);
    if (error) {
      return refuse({top}, error.message());
    }
    if (!fs::is_directory(folder, error)) {
      return refuse({top}, "is not a folder");
    }
    tree.tops_.push_back(folder);
  }
  return tree;
}

ReadResult<Tree> Tree::around(const std::string& file, std::string& module) {
  std::error_code error;
  const fs::path path = fs::canonical(file, error);
  if (error) {
    return refuse({file}, error.message());
  }
  const InfFile inf = TRY(InfFile::parse(TRY(Document::parse(file, TRY(read_text(path, file))))));
  const auto packages = inf.entries("PACKAGES");
  if (packages.empty()) {
    return refuse({file}, "lists no packages, so that its tree's top is unknown (see --tree)");
  }
  for (fs::path top = path.parent_path(); top.has_relative_path(); top = top.parent_path()) {
    const bool has_all = std::ranges::all_of(packages, [&](const InfEntry& package) {
      const std::string package_path = tree_path(package.name);
      return !package_path.empty() && fs::is_regular_file(top / package_path, error);
    });
    if (has_all) {
      Tree tree = TRY(open({top.string()}));
      module = TRY(tree.path_of(file));
      return tree;
    }
  }
  return refuse({file}, "no folder above it has all packages that it lists (see --tree)");
}

ReadResult<std::string> Tree::path_of(const std::string& file) const {
  std::error_code error;
  const fs::path path = fs::canonical(file, error);
  if (error) {
    return refuse({file}, error.message());
  }
  for (const fs::path& top : tops_) {
    if (is_within(path, top) && path != top) {
      return path.lexically_relative(top).generic_string();
    }
  }
  return refuse({file}, "isn't in the tree");
}

bool Tree::has(const std::string& path) const { return locate(path, {path}).has_value(); }

ReadResult<fs::path> Tree::locate(const std::string& path, const Place& asked_at) const {
  const std::string inside = tree_path(path);
  if (inside.empty()) {
    return refuse(asked_at, std::format("path leaves the tree: {}", path));
  }
  for (const fs::path& top : tops_) {
    std::error_code error;
    fs::path found = fs::canonical(top / inside, error);
    if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) {
      continue;
    }
    if (error) {
      return refuse(asked_at, std::format("{}: {}", inside, error.message()));
    }
    if (std::ranges::none_of(tops_, [&found](const fs::path& any) { return is_within(found, any); })) {
      return refuse(asked_at, std::format("path leaves the tree by a symbolic link: {}", inside));
    }
    return found;
  }
  return refuse(asked_at, std::format("there is no {} in the tree", inside));
}

ReadResult<std::shared_ptr<const Document>> Tree::read(const std::string& path, const Place& asked_at) {
  const std::string inside = tree_path(path);
  if (const auto known = read_.find(inside); known != read_.end()) {
    return known->second;
  }
  const fs::path file = TRY(locate(path, asked_at));
  auto document = std::make_shared<const Document>(TRY(Document::parse(inside, TRY(read_text(file, inside)))));
  read_.emplace(inside, document);
  return document;
}

ReadResult<std::vector<std::string>> Tree::list(const std::vector<std::string>& endings) const {
  std::vector<std::string> paths;
  std::error_code error;
  const fs::path& top = tops_.front();
  fs::recursive_directory_iterator folder(top, fs::directory_options::skip_permission_denied, error);
  for (; !error && folder != fs::recursive_directory_iterator(); folder.increment(error)) {
    const std::string name = folder->path().filename().string();
    std::error_code ignored;
    if (folder->is_directory(ignored)) {
      if (name.starts_with('.')) {
        folder.disable_recursion_pending();
      }
    } else if (std::ranges::any_of(endings, [&name](const std::string& ending) { return name.ends_with(ending); })) {
      paths.push_back(folder->path().lexically_relative(top).generic_string());
    }
  }
  if (error) {
    return refuse({top.string()}, error.message());
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace redoubt::port
