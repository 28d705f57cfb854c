// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/flash/nor_model.hpp"

#include <algorithm>
#include <numeric>

namespace redoubt::variable {

namespace {
constexpr std::uint32_t write_buffer = 256;
}

NorModel::NorModel(std::size_t size, std::uint32_t block_size)
    : NorModel(std::vector<std::byte>(size, std::byte{0xFF}), block_size) {}

NorModel::NorModel(std::vector<std::byte> image, std::uint32_t block_size)
    : cells_(std::move(image)), garbage_(cells_.size(), std::byte{0x80}), block_size_(block_size) {}

// Whether the operation happens as a whole; false: power fails in its middle.
bool NorModel::step() {
  if (steps_++ < cut_) {
    return true;
  }
  powered_ = false;
  return false;
}

Result<void> NorModel::program(std::uint32_t offset, Bytes data) {
  if (offset > cells_.size() || data.size() > cells_.size() - offset) {
    return std::unexpected(Error::invalid_argument);
  }
  commanding_ = true;
  while (!data.empty()) {
    const std::size_t count = std::min<std::size_t>(write_buffer - (offset % write_buffer), data.size());
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (cut_ != UINT64_MAX) {
      std::shuffle(order.begin(), order.end(), random_);
    }
    for (const std::size_t index : order) {
      if (!powered_) {
        return std::unexpected(Error::device);
      }
      const bool whole = step();
      std::byte& cell = cells_[offset + index];
      // Bits that the interrupted step may or may not have cleared.
      const std::byte kept = whole ? std::byte{0} : std::byte{static_cast<std::uint8_t>(random_())};
      cell &= data[index] | kept;
      if (!whole) {
        return std::unexpected(Error::device);
      }
    }
    data = data.subspan(count);
    offset += static_cast<std::uint32_t>(count);
  }
  return {};
}

Result<void> NorModel::erase(std::uint32_t offset) {
  if (offset >= cells_.size() || offset % block_size_ != 0) {
    return std::unexpected(Error::invalid_argument);
  }
  commanding_ = true;
  if (!powered_) {
    return std::unexpected(Error::device);
  }
  const bool whole = step();
  for (std::uint32_t index = 0; index < block_size_; ++index) {
    cells_[offset + index] = whole ? std::byte{0xFF} : std::byte{static_cast<std::uint8_t>(random_())};
  }
  if (!whole) {
    return std::unexpected(Error::device);
  }
  return {};
}

void NorModel::cut_power_at(std::uint64_t step, std::uint32_t seed) {
  cut_ = steps_ + step;
  random_.seed(seed);
}

void NorModel::power_up() {
  powered_ = true;
  commanding_ = false;
  cut_ = UINT64_MAX;
}

}  // namespace redoubt::variable
