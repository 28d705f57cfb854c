// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/flash/nor_model.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>

namespace redoubt::variable {

namespace {
constexpr std::uint32_t write_buffer = 256;
}

NorModel::NorModel(std::size_t size, std::uint32_t block_size)
    : NorModel(std::vector<std::byte>(size, std::byte{0xFF}), block_size) {}

NorModel::NorModel(std::vector<std::byte> image, std::uint32_t block_size)
    : cells_(std::move(image)), block_size_(block_size) {}

std::byte NorModel::shown_at(std::uint32_t offset) const {
  const auto wrong = is_broken() ? wrong_bits_.find(offset) : wrong_bits_.end();
  if (wrong == wrong_bits_.end()) {
    return cells_[offset];
  }
  const WrongBits& bits = wrong->second;
  return ((cells_[offset] ^ bits.inverted) | bits.set) & ~bits.cleared;
}

std::vector<std::byte> NorModel::shown() const {
  std::vector<std::byte> bytes = cells_;
  for (const auto& [offset, bits] : wrong_bits_) {
    bytes[offset] = shown_at(offset);
  }
  return bytes;
}

void NorModel::begin_access() {
  for (const Window& window : windows_) {
    if (accesses_ == window.start || accesses_ == window.end) {
      is_cover_shown_ = accesses_ == window.start;
    }
  }
  ++accesses_;
}

void NorModel::read(std::uint32_t offset, MutableBytes destination) {
  begin_access();
  if (!is_cover_shown_ && wrong_bits_.empty()) {
    std::memcpy(destination.data(), cells_.data() + offset, destination.size());
    return;
  }
  for (std::byte& value : destination) {
    value = is_covered(offset) ? cover_[offset - cover_offset_] : shown_at(offset);
    ++offset;
  }
}

Answer NorModel::ask(std::uint32_t offset, Bytes expected) {
  if (offset / block_size_ != (offset + expected.size() - 1) / block_size_) {
    std::abort();  // the contract
  }
  begin_access();
  if (!powered_ || (is_covered(offset) && cover_kind_ == Cover::ram)) {
    return Answer::silence;
  }
  const bool is_as_expected = !is_cover_shown_ && wrong_bits_.empty()
                                  ? std::memcmp(cells_.data() + offset, expected.data(), expected.size()) == 0
                                  : std::ranges::all_of(expected, [&](std::byte value) {
                                      const std::byte found =
                                          is_covered(offset) ? cover_[offset - cover_offset_] : shown_at(offset);
                                      ++offset;
                                      return found == value;
                                    });
  return is_as_expected ? Answer::expected : Answer::other;
}

void NorModel::cover(std::uint32_t offset, std::vector<std::byte> content, Cover kind) {
  cover_ = std::move(content);
  cover_offset_ = offset;
  cover_kind_ = kind;
  is_cover_shown_ = true;
  windows_.clear();
}

void NorModel::cover_during(const std::vector<Window>& windows, std::uint32_t offset, std::vector<std::byte> content,
                            Cover kind) {
  cover(offset, std::move(content), kind);
  uncover();
  for (const Window& window : windows) {
    windows_.push_back({accesses_ + window.start, accesses_ + window.end});
  }
}

Result<void> NorModel::program(std::uint32_t offset, Bytes data) {
  if (offset > cells_.size() || data.size() > cells_.size() - offset) {
    return std::unexpected(Error::invalid_argument);
  }
  if (!powered_) {
    return std::unexpected(Error::device);
  }
  while (!data.empty()) {
    const std::size_t count = std::min<std::size_t>(write_buffer - (offset % write_buffer), data.size());
    begin_access();
    if (is_covered(offset)) {
      ++misled_;
      for (std::size_t index = 0; index < count; ++index) {
        std::byte& cell = cover_[offset - cover_offset_ + index];
        cell = cover_kind_ == Cover::ram ? data[index] : cell & data[index];
      }
    } else if (!is_whole(count)) {
      const Bytes effective = data.first(std::min(before_defect(Defect::program_fails, offset, count),
                                                  before_defect(Defect::program_ignored, offset, count)));
      landing_ == Landing::one_by_one ? program_in_any_order(offset, effective) : program_any_subset(offset, effective);
      steps_ = cut_ + 1;
      powered_ = false;
      return std::unexpected(Error::device);
    } else {
      TRY(program_buffer(offset, data.first(count)));
    }
    data = data.subspan(count);
    offset += static_cast<std::uint32_t>(count);
  }
  return {};
}

Result<void> NorModel::program_buffer(std::uint32_t offset, Bytes data) {
  const std::size_t before_failing = before_defect(Defect::program_fails, offset, data.size());
  const std::size_t effective = std::min(before_failing, before_defect(Defect::program_ignored, offset, data.size()));
  const std::uint64_t end = steps_ + data.size();
  bool is_right = true;
  for (std::size_t index = 0; may_be_worn() && index < effective; ++index) {
    is_right &= program_cell(offset + static_cast<std::uint32_t>(index), data[index]);
  }
  if (!may_be_worn()) {
    std::transform(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(effective), cells_.begin() + offset,
                   cells_.begin() + offset, std::bit_and());
  }
  steps_ = end;
  if ((!is_right && wear_ == Wear::reported) || before_failing < data.size()) {
    return std::unexpected(Error::device);
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

std::size_t NorModel::before_defect(Defect defect, std::uint32_t offset, std::size_t steps) const {
  if (defect_step_ == UINT64_MAX || defect != defect_ || offset / block_size_ != defect_block_ / block_size_ ||
      steps_ + steps <= defect_step_) {
    return steps;
  }
  return steps_ < defect_step_ ? static_cast<std::size_t>(defect_step_ - steps_) : 0;
}

void NorModel::break_block(std::uint32_t offset, Defect defect, std::uint64_t step, std::uint32_t seed) {
  defect_step_ = steps_ + step;
  defect_block_ = offset;
  defect_ = defect;
  wrong_bits_.clear();
  if (defect != Defect::reads_wrong) {
    return;
  }
  std::mt19937 random(seed);
  std::uint32_t range = block_size_;
  if (random() % 2 == 0) {
    // What is stored, and where the next bytes go.
    constexpr std::uint32_t margin = 64;
    while (range > 0 && cells_[offset + range - 1] == std::byte{0xFF}) {
      --range;
    }
    range = std::min(range + margin, block_size_);
  }
  const std::uint32_t count = random() % 2 == 0 ? 1 : 2 + random() % 6;
  for (std::uint32_t index = 0; index < count; ++index) {
    WrongBits& bits = wrong_bits_[offset + random() % range];
    const auto bit = static_cast<std::byte>(random() % 4 == 0 ? 1 + random() % 0xFF : 1U << (random() % 8));
    switch (random() % 3) {
      case 0: bits.set |= bit; break;
      case 1: bits.cleared |= bit; break;
      default: bits.inverted |= bit; break;
    }
  }
}

// Power fails while the write buffer is programmed.
void NorModel::program_in_any_order(std::uint32_t offset, Bytes data) {
  std::vector<std::size_t> order(data.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random_);
  const bool all_under_way = random_() % 4 == 0;
  std::uint64_t step = steps_;
  for (const std::size_t index : order) {
    const bool whole = step < cut_;
    // Bits that the interrupted step may or may not have cleared.
    const std::byte kept = whole ? std::byte{0} : static_cast<std::byte>(random_());
    cells_[offset + index] &= data[index] | kept;
    if (whole) {
      ++step;
    } else if (!all_under_way) {
      break;
    }
  }
}

// The same where nothing is known of the order: with some seeds most bytes are done, with some few, with some each of
// them all or nothing.
void NorModel::program_any_subset(std::uint32_t offset, Bytes data) {
  struct Shares {
    std::uint32_t done;  // of 16
    std::uint32_t partly;
  };
  constexpr Shares ways[] = {{6, 5}, {14, 1}, {1, 1}, {8, 0}};
  const Shares& way = ways[random_() % std::size(ways)];
  for (const std::byte value : data) {
    const std::uint32_t chance = random_() % 16;
    const auto noise = static_cast<std::byte>(random_());
    const std::byte kept = chance < way.done ? std::byte{0} : chance < way.done + way.partly ? noise : std::byte{0xFF};
    cells_[offset++] &= value | kept;
  }
}

Result<void> NorModel::erase(std::uint32_t offset) {
  if (offset >= cells_.size() || offset % block_size_ != 0) {
    return std::unexpected(Error::invalid_argument);
  }
  if (!powered_) {
    return std::unexpected(Error::device);
  }
  begin_access();
  if (is_covered(offset)) {
    ++misled_;
    if (cover_kind_ == Cover::pretends) {
      std::fill_n(cover_.begin() + (offset - cover_offset_), block_size_, std::byte{0xFF});
    }
    return {};
  }
  const bool fails = before_defect(Defect::erase_fails, offset, 1) == 0;
  const bool has_no_effect = fails || before_defect(Defect::erase_ignored, offset, 1) == 0;
  if (!is_whole(1)) {
    if (!has_no_effect) {
      erase_in_part(offset);
    }
    ++steps_;
    powered_ = false;
    return std::unexpected(Error::device);
  }
  if (has_no_effect) {
    ++steps_;
    return fails ? Result<void>(std::unexpected(Error::device)) : Result<void>();
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

void NorModel::cut_power_at(std::uint64_t step, std::uint32_t seed, Landing landing) {
  cut_ = steps_ + step;
  landing_ = landing;
  random_.seed(seed);
}

void NorModel::power_up() {
  powered_ = true;
  cut_ = UINT64_MAX;
}

}  // namespace redoubt::variable
