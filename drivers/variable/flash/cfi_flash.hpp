// SPDX-License-Identifier: BSD-2-Clause-Patent
// Flash with Intel's command set on an 8-bit bus, found through the Common Flash Interface (JEDEC JEP137; Intel
// 28F320J3 datasheet 290667, sections 4 and appendix B). QEMU's pflash_cfi01 as q35 sets it up is one: width 1, blocks
// of 4 KiB, a write buffer of 256 bytes. With its property `secure` on, it obeys commands from MM alone.
//
// The buffered write is used throughout, since each byte of it costs one store. After Clear Status QEMU's device
// reports "not ready" until something is programmed or erased, so that a byte is programmed then, with what it holds.
#pragma once

#include "drivers/variable/flash/flash.hpp"

namespace redoubt::variable {

class CfiFlash final : public Flash {
 public:
  // Asks the device mapped at `window` for its geometry. Error::unsupported when it doesn't answer the query or its
  // window isn't made of equal blocks.
  static Result<CfiFlash> create(std::span<volatile std::uint8_t> window);

  std::uint32_t size() const override { return static_cast<std::uint32_t>(window_.size()); }
  std::uint32_t block_size() const override { return block_size_; }
  void read(std::uint32_t offset, MutableBytes destination) override;
  Answer ask(std::uint32_t offset, Bytes expected) override;
  Result<void> program(std::uint32_t offset, Bytes data) override;
  Result<void> erase(std::uint32_t offset) override;

 private:
  CfiFlash(std::span<volatile std::uint8_t> window, std::uint32_t block_size, std::uint32_t buffer_size)
      : window_(window), block_size_(block_size), buffer_size_(buffer_size) {}

  void command(std::uint32_t offset, std::uint8_t value) { window_[offset] = value; }
  Result<void> program_buffer(std::uint32_t offset, Bytes data);
  // Whether it becomes ready, and reports no failure.
  bool is_ready(std::uint32_t offset);
  Result<void> await(std::uint32_t offset);
  void clear_status(std::uint32_t offset);

  std::span<volatile std::uint8_t> window_;
  std::uint32_t block_size_;
  std::uint32_t buffer_size_;
};

}  // namespace redoubt::variable
