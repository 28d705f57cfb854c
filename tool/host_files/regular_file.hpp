// SPDX-License-Identifier: BSD-2-Clause-Patent
// Files of this machine, by plain system calls, since iostreams forget why something failed. What a verb and what the
// readers of source trees say about a file that can't be read is the same.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace redoubt::tool {

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    static_cast<void>(close());
    value_ = std::exchange(other.value_, -1);
    return *this;
  }
  ~Descriptor() { static_cast<void>(close()); }
  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] bool open() const { return value_ >= 0; }
  // False where the system says that not all is written, as it may for a full disk. True if nothing is open.
  [[nodiscard]] bool close();

 private:
  int value_ = -1;
};

// What the system said about its last call that failed.
std::string last_error();

// All of a regular file, which may be empty. `most`: bytes, a multiple of 1 MiB. Errors are reasons, without the path:
// it isn't there, isn't a regular file, is larger than `most`, or can't be read.
Result<std::vector<std::byte>, std::string> read_regular_file(const std::string& path, std::uint64_t most);

}  // namespace redoubt::tool
