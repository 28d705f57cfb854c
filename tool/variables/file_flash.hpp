// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variable driver's flash over a file's bytes in memory, with a flash's rule: programming clears bits, erasing a
// block sets them. So what the driver makes of the file is what it would make of the chip.
#pragma once

#include <algorithm>

#include "drivers/variable/flash/flash.hpp"

namespace redoubt::tool::variables {

class FileFlash final : public variable::Flash {
 public:
  // `window` is whole blocks of `block_size`.
  FileFlash(MutableBytes window, std::uint32_t block_size) : window_(window), block_size_(block_size) {}

  std::uint32_t size() const override { return static_cast<std::uint32_t>(window_.size()); }
  std::uint32_t block_size() const override { return block_size_; }
  void read(std::uint32_t offset, MutableBytes destination) override {
    std::ranges::copy(window_.subspan(offset, destination.size()), destination.begin());
  }
  variable::Answer ask(std::uint32_t offset, Bytes expected) override {
    return std::ranges::equal(window_.subspan(offset, expected.size()), expected) ? variable::Answer::expected
                                                                                  : variable::Answer::other;
  }
  Result<void> program(std::uint32_t offset, Bytes data) override {
    if (!slice(window_, offset, data.size()).has_value()) {
      return std::unexpected(Error::invalid_argument);
    }
    for (std::size_t index = 0; index < data.size(); ++index) {
      window_[offset + index] &= data[index];
    }
    return {};
  }
  Result<void> erase(std::uint32_t offset) override {
    if (offset >= window_.size() || offset % block_size_ != 0) {
      return std::unexpected(Error::invalid_argument);
    }
    std::ranges::fill(window_.subspan(offset, block_size_), std::byte{0xFF});
    return {};
  }

 private:
  MutableBytes window_;
  std::uint32_t block_size_;
};

}  // namespace redoubt::tool::variables
