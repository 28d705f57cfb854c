// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/flash/cfi_flash.hpp"

#include <algorithm>

#include "base/checked.hpp"

namespace redoubt::variable {

namespace {

// Commands and status bits: Intel 28F320J3 datasheet, tables 4 and 17.
constexpr std::uint8_t command_block_erase = 0x20;
constexpr std::uint8_t command_clear_status = 0x50;
constexpr std::uint8_t command_query = 0x98;
constexpr std::uint8_t command_confirm = 0xD0;
constexpr std::uint8_t command_write_buffer = 0xE8;
constexpr std::uint8_t command_read_array = 0xFF;
constexpr std::uint8_t status_ready = 0x80;
constexpr std::uint8_t status_failed = 0x3A;  // erase, program, voltage, locked block

// Offsets in the query table (JEP137, tables 2 to 4).
constexpr std::uint32_t query_command_offset = 0x55;
constexpr std::uint32_t query_signature = 0x10;
constexpr std::uint32_t query_buffer_exponent = 0x2A;
constexpr std::uint32_t query_region_count = 0x2C;
constexpr std::uint32_t query_region_block_size = 0x2F;  // two bytes, in units of 256

// Far more than any operation takes; ends a wait for a device that is gone.
constexpr std::uint32_t patience = 10'000'000;

}  // namespace

Result<CfiFlash> CfiFlash::create(std::span<volatile std::uint8_t> window) {
  if (window.size() <= query_command_offset || window.size() > UINT32_MAX) {
    return std::unexpected(Error::unsupported);
  }
  window[query_command_offset] = command_query;
  const bool answers = window[query_signature] == 'Q' && window[query_signature + 1] == 'R' &&
                       window[query_signature + 2] == 'Y' && window[query_region_count] == 1;
  const std::uint32_t buffer_exponent = window[query_buffer_exponent];
  const std::uint32_t block_size =
      (window[query_region_block_size] | (std::uint32_t{window[query_region_block_size + 1]} << 8)) * 256;
  window[0] = command_read_array;
  if (!answers || buffer_exponent > 12 || !is_power_of_two(block_size) || window.size() % block_size != 0) {
    return std::unexpected(Error::unsupported);
  }
  // The count of a buffered write is one byte on an 8-bit bus.
  return CfiFlash(window, block_size, std::min(std::uint32_t{1} << buffer_exponent, std::uint32_t{256}));
}

Bytes CfiFlash::contents() const {
  // Read mode is plain memory; volatile matters for commands only.
  return {reinterpret_cast<const std::byte*>(const_cast<const std::uint8_t*>(window_.data())), window_.size()};
}

Result<void> CfiFlash::await(std::uint32_t offset) {
  for (std::uint32_t attempt = 0; attempt < patience; ++attempt) {
    const std::uint8_t state = window_[offset];
    if ((state & status_ready) != 0) {
      if ((state & status_failed) == 0) {
        return {};
      }
      break;
    }
  }
  command(offset, command_clear_status);
  command(offset, command_read_array);
  return std::unexpected(Error::device);
}

Result<void> CfiFlash::program_buffer(std::uint32_t offset, Bytes data) {
  command(offset, command_write_buffer);
  TRY(await(offset));
  command(offset, static_cast<std::uint8_t>(data.size() - 1));
  volatile std::uint8_t* target = &window_[offset];
  for (const std::byte value : data) {
    *target = std::to_integer<std::uint8_t>(value);
    ++target;
  }
  command(offset, command_confirm);
  return await(offset);
}

Result<void> CfiFlash::program(std::uint32_t offset, Bytes data) {
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

Result<void> CfiFlash::erase(std::uint32_t offset) {
  if (offset >= window_.size() || !is_aligned(offset, block_size_)) {
    return std::unexpected(Error::invalid_argument);
  }
  command(offset, command_block_erase);
  command(offset, command_confirm);
  return await(offset);
}

void CfiFlash::settle() { command(0, command_read_array); }

}  // namespace redoubt::variable
