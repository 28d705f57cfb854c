// SPDX-License-Identifier: BSD-2-Clause-Patent
// A device of NOR flash whose window holds the variable volume. Programming can only clear bits; erasing sets all bits
// of a block. Offsets count from the start of the window.
//
// What an address outside MMRAM leads to is decided by the host: the chipset can lay other things over the window, at
// any time at which one of the host's CPUs runs. So nothing that is read here is believed by itself: FlashCopy has what
// counts, and asks the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/byte_reader.hpp"
#include "base/result.hpp"

namespace redoubt::variable {

enum class Answer : std::uint8_t {
  expected,  // the device answers, and holds what it should
  other,     // the device answers, and holds something else
  silence,   // what answers isn't the device
};

class Flash {
 public:
  // Bytes of the window; a multiple of block_size().
  virtual std::uint32_t size() const = 0;
  // Bytes that one erase sets; a power of two.
  virtual std::uint32_t block_size() const = 0;

  // Reads once what the window shows. All of it is within the window.
  virtual void read(std::uint32_t offset, MutableBytes destination) = 0;
  // Whether the device answers where `offset` is: in its block it gives its status when asked for that, and its cells
  // when asked for those, of which the ones at `offset` should hold `expected`. Neither RAM nor registers do both.
  // All of it is within one block.
  virtual Answer ask(std::uint32_t offset, Bytes expected) = 0;

  // Programs in ascending order of `offset`, as far as the device keeps order at all: within one of its write buffers
  // it may use any. Error::device when it reports failure, Error::invalid_argument outside the window, Error::malformed
  // when it didn't answer in the middle of a command: what it's told next it may take for a part of that.
  virtual Result<void> program(std::uint32_t offset, Bytes data) = 0;
  // Erases the block that `offset` is the first byte of. Errors as above.
  virtual Result<void> erase(std::uint32_t offset) = 0;

 protected:
  ~Flash() = default;
};

}  // namespace redoubt::variable
