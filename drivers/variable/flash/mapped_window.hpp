// SPDX-License-Identifier: BSD-2-Clause-Patent
// A device's registers and cells where the board has them in the address space.
#pragma once

#include <atomic>
#include <span>

#include "base/byte_reader.hpp"
#include "drivers/variable/store/flash_bytes.hpp"

namespace redoubt::variable {

class MappedWindow {
 public:
  explicit MappedWindow(std::span<volatile std::uint8_t> bytes) : bytes_(bytes) {}

  std::size_t size() const { return bytes_.size(); }
  std::uint8_t read8(std::uint32_t offset) const { return bytes_[offset]; }
  void write8(std::uint32_t offset, std::uint8_t value) { bytes_[offset] = value; }

  // One store for each byte, in order. The address is a local of its own: the compiler takes each store for one that
  // may change this object.
  void write_each(std::uint32_t offset, Bytes bytes) {
    volatile std::uint8_t* target = &bytes_[offset];
    for (const std::byte value : bytes) {
      *target = std::to_integer<std::uint8_t>(value);
      ++target;
    }
  }

  // In read mode the window is plain memory; volatile matters for commands only. No read of cells comes before the
  // command that shows them.
  void read(std::uint32_t offset, MutableBytes destination) const {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    __builtin_memcpy(destination.data(), cells(offset), destination.size());
  }
  bool holds(std::uint32_t offset, Bytes bytes) const {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return variable::holds(cells(offset), bytes);
  }

 private:
  const std::byte* cells(std::uint32_t offset) const {
    return reinterpret_cast<const std::byte*>(const_cast<const std::uint8_t*>(&bytes_[offset]));
  }

  std::span<volatile std::uint8_t> bytes_;
};

}  // namespace redoubt::variable
