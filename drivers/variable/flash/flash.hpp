// SPDX-License-Identifier: BSD-2-Clause-Patent
// A window of NOR flash that holds the variable volume. Programming can only clear bits; erasing sets all bits of a
// block. Offsets count from the start of the window.
//
// The device is in one of two states: reading, where contents() shows what is stored, and commanding, which program()
// and erase() enter and where contents() shows garbage. Whoever programs calls settle() before anything is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/byte_reader.hpp"
#include "base/result.hpp"

namespace redoubt::variable {

class Flash {
 public:
  // The whole window, mapped; its size is a multiple of block_size().
  virtual Bytes contents() const = 0;
  // Bytes that one erase sets; a power of two.
  virtual std::uint32_t block_size() const = 0;

  // Programs in ascending order of `offset`, as far as the device keeps order at all: within one of its write buffers
  // it may use any. Error::device when it reports failure, Error::invalid_argument outside the window.
  virtual Result<void> program(std::uint32_t offset, Bytes data) = 0;
  // Erases the block that `offset` is the first byte of.
  virtual Result<void> erase(std::uint32_t offset) = 0;
  // Back to reading.
  virtual void settle() = 0;

 protected:
  ~Flash() = default;
};

}  // namespace redoubt::variable
