// SPDX-License-Identifier: BSD-2-Clause-Patent
// Plain system calls, as in tool/host_files/regular_file.hpp.
#include "tool/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "tool/host_files/regular_file.hpp"

namespace redoubt::tool {

namespace {

std::unexpected<CommandError> cannot_write(const std::string& path) {
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  const std::string reason = "cannot be written: " + last_error();
  return full ? failure(path, reason) : bad_input(path, reason);
}

}  // namespace

Result<std::vector<std::byte>, CommandError> read_file(const std::string& path) {
  auto bytes = read_regular_file(path, largest_file);
  if (!bytes.has_value()) {
    return bad_input(path, bytes.error());
  }
  if (bytes->empty()) {
    return bad_input(path, "is empty");
  }
  return std::move(*bytes);
}

namespace {

// The folder's entry for a renamed file is on the disk only when the folder is.
bool sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // EINVAL: a file system that has nothing to write.
  return file.open() && (::fsync(file.get()) == 0 || errno == EINVAL);
}

// Writes beside `path` and renames. `like`, if there is one, is whose mode and owner the new file gets.
Result<void, CommandError> write_beside(const std::string& path, Bytes bytes, const struct stat* like) {
  std::string temporary = path + ".XXXXXX";
  Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.open()) {
    return cannot_write(path);
  }
  std::size_t written = 0;
  bool good = true;
  while (good && written < bytes.size()) {
    const ssize_t put = ::write(file.get(), bytes.data() + written, bytes.size() - written);
    if (put < 0 && errno == EINTR) {
      continue;
    }
    good = put > 0;
    written += good ? static_cast<std::size_t>(put) : 0;
  }
  const bool is_others = like != nullptr && (like->st_uid != ::geteuid() || like->st_gid != ::getegid());
  good = good && (!is_others || ::fchown(file.get(), like->st_uid, like->st_gid) == 0) &&
         ::fchmod(file.get(), like != nullptr ? like->st_mode & 07777 : 0644) == 0 && ::fsync(file.get()) == 0 &&
         file.close() && ::rename(temporary.c_str(), path.c_str()) == 0;
  if (!good) {
    const int reason = errno;
    static_cast<void>(::unlink(temporary.c_str()));
    errno = reason;
    return cannot_write(path);
  }
  if (!sync_folder_of(path)) {
    return cannot_write(path);
  }
  return {};
}

}  // namespace

Result<void, CommandError> write_file(const std::string& path, Bytes bytes) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return bad_input(path, S_ISDIR(status.st_mode) ? "is a directory" : "is not a regular file");
  }
  return write_beside(path, bytes, nullptr);
}

Result<void, CommandError> replace_file(const std::string& path, Bytes bytes) {
  const std::unique_ptr<char, decltype(&std::free)> target(::realpath(path.c_str(), nullptr), &std::free);
  if (target == nullptr) {
    return bad_input(path, last_error());
  }
  // A user who may not write the file may still rename another one over it; that isn't meant.
  const Descriptor file(::open(target.get(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file.open() || ::fstat(file.get(), &status) != 0) {
    return cannot_write(path);
  }
  if (!S_ISREG(status.st_mode)) {
    return bad_input(path, "is not a regular file");
  }
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
    return bad_input(path, "is in use (a running virtual machine has locked it)");
  }
  return write_beside(target.get(), bytes, &status);
}

}  // namespace redoubt::tool
