// SPDX-License-Identifier: BSD-2-Clause-Patent
// For tests: what stock firmware makes of a volume when it starts (edk2's
// MdeModulePkg/Universal/FaultTolerantWriteDxe), done at once to the bytes of it. Like StockWriter it knows the layout
// by itself and shares nothing with the driver.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "drivers/variable/store/layout.hpp"

namespace redoubt::variable::test {

enum class StockAction : std::uint8_t {
  new_work_area,       // neither the work area nor the spare area has a valid one
  restored_work_area,  // from the spare area, where it was being emptied
  emptied_work_area,   // of what is over, and of remains
  given_up,            // a write whose data isn't complete
  marked_over,         // a write that is done
  restarted,           // a write whose data is complete
};

class StockReader {
 public:
  // The work area is one of 4 KiB, as in OVMF's volumes.
  StockReader(std::vector<std::byte>& volume, const StoreLayout& layout) : volume_(volume), layout_(layout) {}

  std::vector<StockAction> start() {
    if (!is_valid_work_area(layout_.work)) {
      if (is_valid_work_area(layout_.spare)) {
        std::copy_n(volume_.begin() + layout_.spare, layout_.work_size, volume_.begin() + layout_.work);
        done(StockAction::restored_work_area);
        if (is_allocated()) {
          mark_over();
        }
      } else {
        empty_work_area(false);
        done(StockAction::new_work_area);
      }
    }
    refresh();
    if (is_allocated() && !has(record(), 0x02) && record() == header() + 40) {
      mark_over();
      done(StockAction::given_up);
      refresh();
    }
    const std::uint64_t last = header() + 40 + (number(header() + 24) - 1) * record_size();
    if (!has(header(), 0x04) && has(record(), 0x04) && record() == last) {
      mark_over();
      done(StockAction::marked_over);
      refresh();
    }
    std::uint64_t end = header();
    if (volume_[end] != std::byte{0xFF}) {
      end += 40 + number(header() + 24) * record_size();
    }
    const auto area_end = volume_.begin() + layout_.work + layout_.work_size;
    if (!std::all_of(volume_.begin() + static_cast<std::ptrdiff_t>(end), area_end,
                     [](std::byte cell) { return cell == std::byte{0xFF}; })) {
      empty_work_area(true);
      done(StockAction::emptied_work_area);
    }
    if (!has(header(), 0x04) && has(record(), 0x02)) {
      restart();
      done(StockAction::restarted);
    }
    return actions_;
  }

 private:
  static constexpr std::array<std::uint8_t, 32> valid_header = {
      0x2B, 0x29, 0x58, 0x9E, 0x68, 0x7C, 0x7D, 0x49, 0xA0, 0xCE, 0x65, 0x00, 0xFD, 0x9F, 0x1B, 0x95,
      0x2C, 0xAF, 0x2C, 0x64, 0xFE, 0xFF, 0xFF, 0xFF, 0xE0, 0x0F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};

  void done(StockAction action) { actions_.push_back(action); }
  bool has(std::uint64_t offset, std::uint8_t bit) const { return (volume_[offset] & std::byte{bit}) == std::byte{0}; }
  std::uint64_t number(std::uint64_t offset) const {
    std::uint64_t value = 0;
    std::memcpy(&value, volume_.data() + offset, sizeof(value));
    return value;
  }
  bool is_valid_work_area(std::uint32_t offset) const {
    return std::memcmp(volume_.data() + offset, valid_header.data(), valid_header.size()) == 0;
  }
  bool is_allocated() const { return has(header(), 0x01) && !has(header(), 0x04); }
  std::uint64_t end_of_work_area() const { return layout_.work + std::uint64_t{layout_.work_size}; }

  // The first write that isn't over, or the place of the next one.
  std::uint64_t header() const {
    std::uint64_t offset = layout_.work + 32;
    while (has(offset, 0x04)) {
      const std::uint64_t next = offset + 40 + number(offset + 24) * (40 + number(offset + 32));
      if (next <= offset || next >= end_of_work_area()) {
        return end_of_work_area();  // the queue is damaged
      }
      offset = next;
    }
    return offset;
  }
  std::uint64_t record_size() const { return 40 + number(header() + 32); }
  // Its first record that isn't done, or its last one.
  std::uint64_t record() const {
    const std::uint64_t first = header() + 40;
    const std::uint64_t count = number(header() + 24);
    for (std::uint64_t index = 0; index < count && first + index * record_size() < end_of_work_area(); ++index) {
      if (!has(first + index * record_size(), 0x04)) {
        return first + index * record_size();
      }
    }
    return first + (count - 1) * record_size();
  }
  void mark_over() { volume_[header()] &= std::byte{0xFB}; }

  // The queue is emptied as soon as it has no room, or can't be followed.
  void refresh() {
    if (end_of_work_area() - header() < 80) {
      empty_work_area(true);
      done(StockAction::emptied_work_area);
    }
  }
  void empty_work_area(bool keeps_write) {
    std::vector<std::byte> kept;
    if (keeps_write && header() < end_of_work_area() && is_allocated()) {
      const auto from = volume_.begin() + static_cast<std::ptrdiff_t>(header());
      const std::uint64_t size = 40 + number(header() + 24) * record_size();
      kept.assign(from, from + static_cast<std::ptrdiff_t>(std::min(size, end_of_work_area() - header())));
    }
    const auto area = volume_.begin() + layout_.work;
    std::fill_n(area, layout_.work_size, std::byte{0xFF});
    std::memcpy(volume_.data() + layout_.work, valid_header.data(), valid_header.size());
    std::copy(kept.begin(), kept.end(), area + 32);
  }
  void restart() {
    const std::uint64_t to = number(record() + 8) * layout_.block_size;
    const std::uint64_t bytes = number(record() + 16) + number(record() + 24);
    const std::uint64_t blocks = (bytes + layout_.block_size - 1) / layout_.block_size;
    const auto spare = volume_.begin() + layout_.spare;
    std::copy_n(spare, blocks * layout_.block_size, volume_.begin() + static_cast<std::ptrdiff_t>(to));
    volume_[record()] &= std::byte{0xFB};
    mark_over();
    std::fill_n(spare, layout_.spare_size, std::byte{0xFF});
  }

  std::vector<std::byte>& volume_;
  StoreLayout layout_;
  std::vector<StockAction> actions_;
};

}  // namespace redoubt::variable::test
