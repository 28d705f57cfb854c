// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/flash/nor_model.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace redoubt::variable {

namespace {
constexpr std::uint32_t write_buffer = 256;
}

NorModel::NorModel(std::size_t size, std::uint32_t block_size)
    : NorModel(std::vector<std::byte>(size, std::byte{0xFF}), block_size) {}

NorModel::NorModel(std::vector<std::byte> image, std::uint32_t block_size)
    : cells_(std::move(image)), garbage_(cells_.size(), std::byte{0x80}), block_size_(block_size) {}

Result<void> NorModel::program(std::uint32_t offset, Bytes data) {
  if (offset > cells_.size() || data.size() > cells_.size() - offset) {
    return std::unexpected(Error::invalid_argument);
  }
  commanding_ = true;
  if (!powered_) {
    return std::unexpected(Error::device);
  }
  while (!data.empty()) {
    const std::size_t count = std::min<std::size_t>(write_buffer - (offset % write_buffer), data.size());
    if (!is_whole(count)) {
      program_in_any_order(offset, data.first(count));
      return std::unexpected(Error::device);
    }
    bool is_right = true;
    for (std::size_t index = 0; may_be_worn() && index < count; ++index) {
      is_right &= program_cell(offset + static_cast<std::uint32_t>(index), data[index]);
    }
    if (!may_be_worn()) {
      std::transform(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(count), cells_.begin() + offset,
                     cells_.begin() + offset, std::bit_and());
      steps_ += count;
    }
    if (!is_right && wear_ == Wear::reported) {
      return std::unexpected(Error::device);
    }
    data = data.subspan(count);
    offset += static_cast<std::uint32_t>(count);
  }
  return {};
}

// Whether the cell is as it should be.
bool NorModel::program_cell(std::uint32_t offset, std::byte value) {
  std::byte& cell = cells_[offset];
  const std::byte expected = cell & value;
  if (steps_++ == wear_step_) {
    worn_cells_[offset] = random_() % 2 == 0 ? std::byte{0xFF} : static_cast<std::byte>(1 + random_() % 0xFF);
  }
  const auto worn = worn_cells_.find(offset);
  const std::byte fixed = worn != worn_cells_.end() ? worn->second : std::byte{0};
  cell = (cell & fixed) | (expected & ~fixed);
  return cell == expected;
}

// Whether the block is as it should be.
bool NorModel::erase_block(std::uint32_t offset) {
  if (steps_++ == wear_step_) {
    const std::uint32_t cell = offset + random_() % block_size_;
    if (random_() % 2 == 0) {
      worn_blocks_.insert(offset);
    } else {
      worn_cells_[cell] = static_cast<std::byte>(1 + random_() % 0xFF);
    }
  }
  bool is_right = true;
  for (std::uint32_t index = offset; index < offset + block_size_ && is_worn(); ++index) {
    const auto worn = worn_cells_.find(index);
    const std::byte fixed = worn_blocks_.contains(offset) ? std::byte{0xFF}
                            : worn != worn_cells_.end()   ? worn->second
                                                          : std::byte{0};
    cells_[index] |= ~fixed;
    is_right &= cells_[index] == std::byte{0xFF};
  }
  if (!is_worn()) {
    std::fill_n(cells_.begin() + offset, block_size_, std::byte{0xFF});
  }
  return is_right;
}

void NorModel::wear_at(std::uint64_t step, Wear wear, std::uint32_t seed) {
  wear_step_ = steps_ + step;
  wear_ = wear;
  random_.seed(seed);
}

// Power fails while the write buffer is programmed.
void NorModel::program_in_any_order(std::uint32_t offset, Bytes data) {
  std::vector<std::size_t> order(data.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random_);
  const bool all_under_way = random_() % 4 == 0;
  for (const std::size_t index : order) {
    const bool whole = steps_ < cut_;
    // Bits that the interrupted step may or may not have cleared.
    const std::byte kept = whole ? std::byte{0} : static_cast<std::byte>(random_());
    cells_[offset + index] &= data[index] | kept;
    if (whole) {
      ++steps_;
    } else if (!all_under_way) {
      break;
    }
  }
  ++steps_;
  powered_ = false;
}

Result<void> NorModel::erase(std::uint32_t offset) {
  if (offset >= cells_.size() || offset % block_size_ != 0) {
    return std::unexpected(Error::invalid_argument);
  }
  commanding_ = true;
  if (!powered_) {
    return std::unexpected(Error::device);
  }
  if (!is_whole(1)) {
    erase_in_part(offset);
    ++steps_;
    powered_ = false;
    return std::unexpected(Error::device);
  }
  if (!erase_block(offset) && wear_ == Wear::reported) {
    return std::unexpected(Error::device);
  }
  return {};
}

// Power fails while a block is erased.
void NorModel::erase_in_part(std::uint32_t offset) {
  const std::uint32_t way = random_() % 8;
  const std::uint32_t boundary = random_() % block_size_;
  for (std::uint32_t index = 0; index < block_size_; ++index) {
    std::byte& cell = cells_[offset + index];
    const auto noise = static_cast<std::byte>(random_());
    const bool rarely = random_() % 64 == 0;
    switch (way) {
      case 0:
      case 1: cell = noise; break;
      case 2: cell |= rarely ? noise : std::byte{0}; break;
      case 3: cell |= noise; break;
      case 4: cell = rarely ? cell | noise : std::byte{0xFF}; break;
      case 5: cell = index < boundary ? std::byte{0xFF} : cell; break;
      case 6: cell = index < boundary ? cell : std::byte{0xFF}; break;
      default: break;
    }
  }
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
