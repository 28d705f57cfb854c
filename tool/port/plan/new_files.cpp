// SPDX-License-Identifier: BSD-2-Clause-Patent
// Everything is written beside its place first; a link into the place fails where a file is.
#include "tool/port/plan/new_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace

ReadResult<std::vector<std::string>> add_files(const Tree& tree, std::span<const NewFile> files) {
  struct Missing {
    const NewFile* file;
    fs::path target;
    fs::path temporary;
  };
  std::vector<Missing> missing;
  for (const NewFile& file : files) {
    fs::path target = TRY(place_of(tree, file));
    struct stat status{};
    if (::lstat(target.c_str(), &status) != 0) {
      if (errno != ENOENT) {
        return cannot_write(file.path);
      }
      missing.push_back({&file, std::move(target), {}});
      continue;
    }
    if (!S_ISREG(status.st_mode)) {
      return refuse({file.path}, "is there and is not a regular file");
    }
    std::ifstream stream(target, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    if (!stream || text != file.text) {
      return refuse({file.path}, "is there and differs from what would be written; nothing was written");
    }
  }
  Made temporary;
  for (Missing& each : missing) {
    each.temporary = TRY(written_beside(each.target, *each.file, temporary));
  }
  Made made;
  std::vector<std::string> written;
  for (const Missing& each : missing) {
    if (::link(each.temporary.c_str(), each.target.c_str()) != 0) {
      return cannot_write(each.file->path);
    }
    made.add(each.target);
    written.push_back(each.file->path);
  }
  made.keep();
  return written;
}

}  // namespace redoubt::port
