// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/flash/cfi_flash.hpp"

#include <algorithm>
#include <atomic>

#include "base/checked.hpp"
#include "drivers/variable/store/flash_bytes.hpp"

namespace redoubt::variable {

namespace {

// Commands and status bits: Intel 28F320J3 datasheet, tables 4 and 17.
constexpr std::uint8_t command_block_erase = 0x20;
constexpr std::uint8_t command_program_byte = 0x40;
constexpr std::uint8_t command_clear_status = 0x50;
constexpr std::uint8_t command_read_status = 0x70;
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
  window[0] = command_read_array;  // QEMU's device takes no other command while it shows its query table
  window[0] = command_read_status;
  const bool is_ready = window[0] == status_ready;
  window[0] = command_read_array;
  if (!answers || buffer_exponent > 12 || !is_power_of_two(block_size) || window.size() % block_size != 0) {
    return std::unexpected(Error::unsupported);
  }
  // The count of a buffered write is one byte on an 8-bit bus.
  CfiFlash flash(window, block_size, std::min(std::uint32_t{1} << buffer_exponent, std::uint32_t{256}));
  if (!is_ready) {
    // Whoever used the device before left an error there.
    flash.clear_status(0);
  }
  return flash;
}

void CfiFlash::read(std::uint32_t offset, MutableBytes destination) {
  // In read mode the window is plain memory; volatile matters for commands only.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  __builtin_memcpy(destination.data(), const_cast<const std::uint8_t*>(&window_[offset]), destination.size());
}

// The status is the same at each address, and the command isn't read back where it was written, as it is from RAM.
Answer CfiFlash::ask(std::uint32_t offset, Bytes expected) {
  command(offset, command_read_status);
  const bool gives_status = window_[offset] == status_ready && window_[offset ^ 1U] == status_ready;
  command(offset, command_read_array);
  if (!gives_status) {
    return Answer::silence;
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);  // no read of cells comes before the command
  const auto* cells = reinterpret_cast<const std::byte*>(const_cast<const std::uint8_t*>(&window_[offset]));
  return holds(cells, expected) ? Answer::expected : Answer::other;
}

// Programs a cell with what it holds, so that the device says that it's ready: QEMU's stores each value as it comes,
// all ones as well, which would leave another device's cell alone.
void CfiFlash::clear_status(std::uint32_t offset) {
  command(offset, command_clear_status);
  command(offset, command_read_array);
  const std::uint8_t present = window_[offset];
  command(offset, command_program_byte);
  command(offset, present);
  for (std::uint32_t attempt = 0; attempt < patience && (window_[offset] & status_ready) == 0; ++attempt) {
  }
  command(offset, command_read_array);
}

bool CfiFlash::is_ready(std::uint32_t offset) {
  for (std::uint32_t attempt = 0; attempt < patience; ++attempt) {
    const std::uint8_t state = window_[offset];
    if ((state & status_ready) != 0) {
      return (state & status_failed) == 0;
    }
  }
  return false;
}

Result<void> CfiFlash::await(std::uint32_t offset) {
  if (is_ready(offset)) {
    return {};
  }
  clear_status(offset);
  return std::unexpected(Error::device);
}

Result<void> CfiFlash::program_buffer(std::uint32_t offset, Bytes data) {
  command(offset, command_write_buffer);
  if (!is_ready(offset)) {
    return std::unexpected(Error::malformed);
  }
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

}  // namespace redoubt::variable
