// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/host_files/regular_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <format>

namespace redoubt::tool {

bool Descriptor::close() {
  const int value = std::exchange(value_, -1);
  return value < 0 || ::close(value) == 0;
}

std::string last_error() { return std::strerror(errno); }  // NOLINT(concurrency-mt-unsafe): one thread

Result<std::vector<std::byte>, std::string> read_regular_file(const std::string& path, std::uint64_t most) {
  // Without O_NONBLOCK opening a FIFO would wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file.open() || ::fstat(file.get(), &status) != 0) {
    return std::unexpected(last_error());
  }
  if (S_ISDIR(status.st_mode)) {
    return std::unexpected("is a directory");
  }
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected("is not a regular file");
  }
  if (status.st_size < 0 || static_cast<std::uint64_t>(status.st_size) > most) {
    return std::unexpected(most % (std::uint64_t{1} << 30) == 0 ? std::format("is larger than {} GiB", most >> 30)
                                                                : std::format("is larger than {} MiB", most >> 20));
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return std::unexpected(last_error());
    }
    if (got == 0) {
      break;
    }
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace redoubt::tool
