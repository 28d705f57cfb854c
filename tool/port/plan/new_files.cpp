// SPDX-License-Identifier: BSD-2-Clause-Patent
// Everything is written beside its place first; a link into the place fails where a file is.
#include "tool/port/plan/new_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>

#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

namespace fs = std::filesystem;

std::unexpected<ReadError> cannot_write(const std::string& path) {
  return refuse({path}, "cannot be written: " + std::system_category().message(errno));
}

// What was made so far, and goes with this if it isn't kept.
class Made {
 public:
  Made() = default;
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;
  ~Made() {
    for (const fs::path& path : paths_) {
      static_cast<void>(::unlink(path.c_str()));
    }
  }
  void add(fs::path path) { paths_.push_back(std::move(path)); }
  void keep() { paths_.clear(); }

 private:
  std::vector<fs::path> paths_;
};

ReadResult<fs::path> written_beside(const fs::path& target, const NewFile& file, Made& temporary) {
  std::string name = target.string() + ".XXXXXX";
  const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor < 0) {
    return cannot_write(file.path);
  }
  temporary.add(name);
  std::size_t written = 0;
  bool good = true;
  while (good && written < file.text.size()) {
    const ssize_t put = ::write(descriptor, file.text.data() + written, file.text.size() - written);
    if (put < 0 && errno == EINTR) {
      continue;
    }
    good = put > 0;
    written += good ? static_cast<std::size_t>(put) : 0;
  }
  good = good && ::fchmod(descriptor, 0644) == 0 && ::fsync(descriptor) == 0;
  const int reason = errno;
  const bool closed = ::close(descriptor) == 0;
  if (!good || !closed) {
    errno = good ? errno : reason;
    return cannot_write(file.path);
  }
  return fs::path(name);
}

// The file's place in the file system. Its folder is there, in the tree.
ReadResult<fs::path> place_of(const Tree& tree, const NewFile& file) {
  const std::string inside = tree_path(file.path);
  if (inside.empty()) {
    return refuse({file.path}, "path leaves the tree");
  }
  const std::string folder(folder_of(inside));
  const fs::path top = tree.tops().front();
  const fs::path parent = folder.empty() ? top : TRY(tree.locate(folder, {file.path}));
  return parent / fs::path(inside).filename();
}

ReadResult<std::string> text_of(const fs::path& file, const std::string& name) {
  std::ifstream stream(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream) {
    return refuse({name}, "cannot be read");
  }
  return text;
}

}  // namespace

ReadResult<std::vector<std::string>> write_port(const Tree& tree, std::span<const NewFile> files,
                                                std::span<const ChangedFile> changes) {
  struct Pending {
    const std::string* path;
    fs::path target;
    fs::path temporary;
    const std::string* before;  // null for a new file
  };
  std::vector<Pending> pending;
  std::vector<NewFile> contents;
  contents.reserve(files.size() + changes.size());
  for (const NewFile& file : files) {
    fs::path target = TRY(place_of(tree, file));
    struct stat status{};
    if (::lstat(target.c_str(), &status) != 0) {
      if (errno != ENOENT) {
        return cannot_write(file.path);
      }
      pending.push_back({&file.path, std::move(target), {}, nullptr});
      contents.push_back(file);
      continue;
    }
    if (!S_ISREG(status.st_mode)) {
      return refuse({file.path}, "is there and is not a regular file");
    }
    if (TRY(text_of(target, file.path)) != file.text) {
      return refuse({file.path}, "is there and differs from what would be written; nothing was written");
    }
  }
  for (const ChangedFile& change : changes) {
    const fs::path target = TRY(tree.locate(change.path, {change.path}));
    const std::string text = TRY(text_of(target, change.path));
    if (text == change.after) {
      continue;
    }
    if (text != change.before) {
      return refuse({change.path}, "changed since it was read; nothing was written");
    }
    pending.push_back({&change.path, target, {}, &change.before});
    contents.push_back({change.path, change.after});
  }
  Made temporary;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    pending[i].temporary = TRY(written_beside(pending[i].target, contents[i], temporary));
  }
  // New files first: a link can fail, and then no existing file has changed. Existing files come last, each replaced in
  // one step by a rename. If one fails, those that were replaced already are put back.
  Made made;
  std::vector<std::string> written;
  for (const Pending& each : pending) {
    if (each.before == nullptr && ::link(each.temporary.c_str(), each.target.c_str()) != 0) {
      return cannot_write(*each.path);
    }
    if (each.before == nullptr) {
      made.add(each.target);
    }
    written.push_back(*each.path);
  }
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (pending[i].before == nullptr || ::rename(pending[i].temporary.c_str(), pending[i].target.c_str()) == 0) {
      continue;
    }
    const auto failure = cannot_write(*pending[i].path);
    for (std::size_t back = 0; back < i; ++back) {
      if (pending[back].before != nullptr) {
        const fs::path old =
            TRY(written_beside(pending[back].target, {*pending[back].path, *pending[back].before}, temporary));
        static_cast<void>(::rename(old.c_str(), pending[back].target.c_str()));
      }
    }
    return failure;
  }
  made.keep();
  return written;
}

}  // namespace redoubt::port
