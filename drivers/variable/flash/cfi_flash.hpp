// SPDX-License-Identifier: BSD-2-Clause-Patent
// Flash with Intel's command set on an 8-bit bus, found through the Common Flash Interface (JEDEC JEP137; Intel
// 28F320J3 datasheet 290667, sections 4 and appendix B). QEMU's pflash_cfi01 as q35 sets it up is one: width 1, blocks
// of 4 KiB, a write buffer of 256 bytes. With its property `secure` on, it obeys commands from MM alone.
//
// The buffered write is used throughout, since each byte of it costs one store. After Clear Status QEMU's device
// reports "not ready" until something is programmed or erased, so that a byte is programmed then, with what it holds.
#pragma once

#include <algorithm>

#include "base/checked.hpp"
#include "drivers/variable/flash/flash.hpp"
#include "drivers/variable/flash/mapped_window.hpp"

namespace redoubt::variable {

// `Window` is a MappedWindow, or what a test has for one.
template <typename Window>
class CfiDevice final : public Flash {
 public:
  // Far more reads of the status than any operation takes; ends a wait for a device that is gone.
  static constexpr std::uint32_t patience = 10'000'000;

  // Asks the device that `window` shows for its geometry. Error::unsupported when it doesn't answer the query or its
  // window isn't made of equal blocks.
  static Result<CfiDevice> create(Window window);

  std::uint32_t size() const override { return static_cast<std::uint32_t>(window_.size()); }
  std::uint32_t block_size() const override { return block_size_; }
  void read(std::uint32_t offset, MutableBytes destination) override { window_.read(offset, destination); }
  Answer ask(std::uint32_t offset, Bytes expected) override;
  Result<void> program(std::uint32_t offset, Bytes data) override;
  Result<void> erase(std::uint32_t offset) override;

 private:
  // Commands and status bits: Intel 28F320J3 datasheet, tables 4 and 17.
  static constexpr std::uint8_t command_block_erase = 0x20;
  static constexpr std::uint8_t command_program_byte = 0x40;
  static constexpr std::uint8_t command_clear_status = 0x50;
  static constexpr std::uint8_t command_read_status = 0x70;
  static constexpr std::uint8_t command_query = 0x98;
  static constexpr std::uint8_t command_confirm = 0xD0;
  static constexpr std::uint8_t command_write_buffer = 0xE8;
  static constexpr std::uint8_t command_read_array = 0xFF;
  static constexpr std::uint8_t status_ready = 0x80;
  static constexpr std::uint8_t status_failed = 0x3A;     // erase, program, voltage, locked block
  static constexpr std::uint8_t status_suspended = 0x44;  // erase, program: ready, and not done

  // Offsets in the query table (JEP137, tables 2 to 4).
  static constexpr std::uint32_t query_command_offset = 0x55;
  static constexpr std::uint32_t query_signature = 0x10;
  static constexpr std::uint32_t query_buffer_exponent = 0x2A;
  static constexpr std::uint32_t query_region_count = 0x2C;
  static constexpr std::uint32_t query_region_block_size = 0x2F;  // two bytes, in units of 256

  CfiDevice(Window window, std::uint32_t block_size, std::uint32_t buffer_size)
      : window_(window), block_size_(block_size), buffer_size_(buffer_size) {}

  void command(std::uint32_t offset, std::uint8_t value) { window_.write8(offset, value); }
  Result<void> program_buffer(std::uint32_t offset, Bytes data);
  // Until it's ready. Error::device when it reports failure, Error::malformed when it doesn't become ready.
  Result<void> wait(std::uint32_t offset);
  // The end of an operation, after which the next one can begin.
  Result<void> await(std::uint32_t offset);
  void clear_status(std::uint32_t offset);

  Window window_;
  std::uint32_t block_size_;
  std::uint32_t buffer_size_;
};

using CfiFlash = CfiDevice<MappedWindow>;

template <typename Window>
Result<CfiDevice<Window>> CfiDevice<Window>::create(Window window) {
  if (window.size() <= query_command_offset || window.size() > UINT32_MAX) {
    return std::unexpected(Error::unsupported);
  }
  window.write8(query_command_offset, command_query);
  const bool answers = window.read8(query_signature) == 'Q' && window.read8(query_signature + 1) == 'R' &&
                       window.read8(query_signature + 2) == 'Y' && window.read8(query_region_count) == 1;
  const std::uint32_t buffer_exponent = window.read8(query_buffer_exponent);
  const std::uint32_t block_size =
      (window.read8(query_region_block_size) | (std::uint32_t{window.read8(query_region_block_size + 1)} << 8)) * 256;
  window.write8(0, command_read_array);  // QEMU's device takes no other command while it shows its query table
  window.write8(0, command_read_status);
  const bool is_ready = window.read8(0) == status_ready;
  window.write8(0, command_read_array);
  if (!answers || buffer_exponent > 12 || !is_power_of_two(block_size) || window.size() % block_size != 0) {
    return std::unexpected(Error::unsupported);
  }
  // The count of a buffered write is one byte on an 8-bit bus.
  CfiDevice flash(window, block_size, std::min(std::uint32_t{1} << buffer_exponent, std::uint32_t{256}));
  if (!is_ready) {
    // An earlier user of the device left an error there.
    flash.clear_status(0);
  }
  return flash;
}

// The status is the same at each address, and the command isn't read back where it was written, as it is from RAM.
template <typename Window>
Answer CfiDevice<Window>::ask(std::uint32_t offset, Bytes expected) {
  command(offset, command_read_status);
  const bool gives_status = window_.read8(offset) == status_ready && window_.read8(offset ^ 1U) == status_ready;
  command(offset, command_read_array);
  if (!gives_status) {
    return Answer::silence;
  }
  return window_.holds(offset, expected) ? Answer::expected : Answer::other;
}

// Programs a cell with what it holds, so that the device says that it's ready: QEMU's stores each value as it comes,
// all ones as well, which would leave another device's cell alone.
template <typename Window>
void CfiDevice<Window>::clear_status(std::uint32_t offset) {
  command(offset, command_clear_status);
  command(offset, command_read_array);
  const std::uint8_t present = window_.read8(offset);
  command(offset, command_program_byte);
  command(offset, present);
  static_cast<void>(wait(offset));
  command(offset, command_read_array);
}

template <typename Window>
Result<void> CfiDevice<Window>::wait(std::uint32_t offset) {
  for (std::uint32_t attempt = 0; attempt < patience; ++attempt) {
    const std::uint8_t state = window_.read8(offset);
    if ((state & status_ready) != 0) {
      return (state & (status_failed | status_suspended)) == 0 ? Result<void>() : std::unexpected(Error::device);
    }
  }
  return std::unexpected(Error::malformed);
}

// A device that isn't ready gets no further command: what it would take it for can't be told.
template <typename Window>
Result<void> CfiDevice<Window>::await(std::uint32_t offset) {
  const Result<void> ended = wait(offset);
  if (!ended.has_value() && ended.error() == Error::device) {
    clear_status(offset);
  }
  return ended;
}

template <typename Window>
Result<void> CfiDevice<Window>::program_buffer(std::uint32_t offset, Bytes data) {
  command(offset, command_write_buffer);
  if (!wait(offset).has_value()) {
    return std::unexpected(Error::malformed);
  }
  command(offset, static_cast<std::uint8_t>(data.size() - 1));
  window_.write_each(offset, data);
  command(offset, command_confirm);
  return await(offset);
}

template <typename Window>
Result<void> CfiDevice<Window>::program(std::uint32_t offset, Bytes data) {
  if (offset > window_.size() || data.size() > window_.size() - offset) {
    return std::unexpected(Error::invalid_argument);
  }
  while (!data.empty()) {
    // A buffer is aligned to its size.
    const std::size_t room = buffer_size_ - (offset & (buffer_size_ - 1));
    const std::size_t count = std::min(room, data.size());
    TRY(program_buffer(offset, data.first(count)));
    data = data.subspan(count);
    offset += static_cast<std::uint32_t>(count);
  }
  return {};
}

template <typename Window>
Result<void> CfiDevice<Window>::erase(std::uint32_t offset) {
  if (offset >= window_.size() || !is_aligned(offset, block_size_)) {
    return std::unexpected(Error::invalid_argument);
  }
  command(offset, command_block_erase);
  command(offset, command_confirm);
  return await(offset);
}

}  // namespace redoubt::variable
