// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/flash_copy.hpp"

#include <algorithm>
#include <array>

#include "base/checked.hpp"
#include "drivers/variable/store/flash_bytes.hpp"

namespace redoubt::variable {

namespace {

// How many cells are compared where the question is only whether the device is there.
constexpr std::uint32_t sample_size = 16;
// No block is smaller, and all are a multiple.
constexpr std::uint32_t chunk_size = 256;

// By words: most of what is written is short.
void put(std::byte* cells, Bytes bytes) {
  std::size_t offset = 0;
  for (; offset + sizeof(std::uint64_t) <= bytes.size(); offset += sizeof(std::uint64_t)) {
    const auto word = load<std::uint64_t>(bytes, offset);
    __builtin_memcpy(cells + offset, &word, sizeof(word));
  }
  for (; offset < bytes.size(); ++offset) {
    cells[offset] = bytes[offset];
  }
}

}  // namespace

Result<void> FlashCopy::load() {
  if (cells_ == nullptr) {
    cells_ = static_cast<std::byte*>(allocator_.allocate(size_));
  }
  if (cells_ == nullptr) {
    return std::unexpected(Error::out_of_memory);
  }
  flash_.read(0, {cells_, size_});
  is_closed_ = false;
  is_disturbed_ = false;
  some_presumed_stopped_ = false;
  return {};
}

Result<void> FlashCopy::expect_device(std::uint32_t offset) {
  const std::uint32_t sample = align_down(offset, sample_size);
  switch (flash_.ask(sample, contents().subspan(sample, sample_size))) {
    case Answer::expected: return {};
    case Answer::other: return refuse(WriteRefusal::contents);
    case Answer::silence: break;
  }
  return refuse(WriteRefusal::silence);
}

Result<void> FlashCopy::begin(std::initializer_list<Range> ranges) {
  if (is_closed_) {
    return refuse(WriteRefusal::closed);
  }
  is_disturbed_ = false;
  some_presumed_stopped_ = false;
  if (processors_ != nullptr && !processors_->hold(some_presumed_stopped_)) {
    return refuse(WriteRefusal::processor);
  }
  for (const Range& range : ranges) {
    for (std::uint32_t offset = range.offset; offset < range.offset + range.size;
         offset = align_down(offset, block_size_) + block_size_) {
      TRY(expect_device(offset));
    }
  }
  return {};
}

Result<void> FlashCopy::confirm() {
  if (some_presumed_stopped_ && !processors_->hold(some_presumed_stopped_)) {
    is_disturbed_ = true;
    return refuse(WriteRefusal::processor);
  }
  return {};
}

// The device's own answer to exactly what was read: whatever lay over it for the reading doesn't get into the copy. Nor
// does what a write can't have left there, the bits of `data` being cleared or, by an erasure, any bit being set.
Result<void> FlashCopy::take_what_is_there(std::uint32_t offset, Bytes data, bool erased) {
  std::byte shown[chunk_size];
  for (std::size_t done = 0; done < data.size();) {
    const std::size_t count = std::min(data.size() - done, sizeof(shown));
    const std::uint32_t place = offset + static_cast<std::uint32_t>(done);
    flash_.read(place, {shown, count});
    bool is_possible = flash_.ask(place, {shown, count}) == Answer::expected;
    for (std::size_t index = 0; index < count; ++index) {
      const std::byte before = cells_[place + index];
      const std::byte meant = data[done + index];
      is_possible =
          is_possible && (erased ? (shown[index] & before) == before
                                 : (shown[index] & meant) == meant && (shown[index] & ~before) == std::byte{0});
    }
    if (!is_possible) {
      is_closed_ = true;
      return refuse(WriteRefusal::unknown);
    }
    put(cells_ + place, {shown, count});
    done += count;
  }
  return refuse(WriteRefusal::worn);
}

Result<void> FlashCopy::take(std::uint32_t offset, Bytes expected) {
  switch (flash_.ask(offset, expected)) {
    case Answer::expected: put(cells_ + offset, expected); return {};
    case Answer::other: return take_what_is_there(offset, expected, /*erased=*/false);
    case Answer::silence: break;
  }
  is_closed_ = true;
  return refuse(WriteRefusal::unknown);
}

Result<void> FlashCopy::before_write(std::uint32_t offset) {
  if (is_closed_) {
    return refuse(WriteRefusal::closed);
  }
  if (is_disturbed_) {
    return std::unexpected(Error::device);
  }
  const Result<void> answered = expect_device(offset);
  is_disturbed_ = !answered.has_value();
  return answered;
}

Result<void> FlashCopy::program_in_block(std::uint32_t offset, Bytes data) {
  TRY(before_write(offset));
  // What counts is what can be read, not what the device says of it.
  const Result<void> programmed = flash_.program(offset, data);
  if (!programmed.has_value() && programmed.error() == Error::malformed) {
    is_closed_ = true;
    return refuse(WriteRefusal::unknown);
  }
  return take(offset, data);
}

Result<void> FlashCopy::program(std::uint32_t offset, Bytes data) {
  if (offset > size_ || data.size() > size_ - offset) {
    return std::unexpected(Error::invalid_argument);
  }
  for (;;) {
    const std::size_t room = block_size_ - (offset & (block_size_ - 1));
    if (data.size() <= room) [[likely]] {
      return program_in_block(offset, data);
    }
    TRY(program_in_block(offset, data.first(room)));
    data = data.subspan(room);
    offset += static_cast<std::uint32_t>(room);
  }
}

Result<void> FlashCopy::erase(std::uint32_t offset) {
  if (offset >= size_ || !is_aligned(offset, block_size_)) {
    return std::unexpected(Error::invalid_argument);
  }
  TRY(before_write(offset));
  const Result<void> done = flash_.erase(offset);
  if (!done.has_value() && done.error() == Error::malformed) {
    is_closed_ = true;
    return refuse(WriteRefusal::unknown);
  }
  constexpr auto blank = [] {
    std::array<std::byte, chunk_size> cells{};
    cells.fill(std::byte{0xFF});
    return cells;
  }();
  Result<void> erased;
  for (std::uint32_t part = offset; part < offset + block_size_; part += chunk_size) {
    switch (flash_.ask(part, blank)) {
      case Answer::expected: put(cells_ + part, blank); break;
      case Answer::other: erased = take_what_is_there(part, blank, /*erased=*/true); break;
      case Answer::silence:
        is_closed_ = true;
        erased = refuse(WriteRefusal::unknown);
        break;
    }
    if (is_closed_) {
      return erased;
    }
  }
  return erased;
}

}  // namespace redoubt::variable
