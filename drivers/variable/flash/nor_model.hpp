// SPDX-License-Identifier: BSD-2-Clause-Patent
// NOR flash for the host, less kind than QEMU's: programming only clears bits, reading while the device is in command
// mode shows garbage, and power can fail at any byte. A cut leaves the bytes of the interrupted write buffer programmed
// in random order, one of them or, with some seeds, any of them in some of its bits. An interrupted erasure leaves the
// block undefined; since what looks nearly right is more dangerous than noise, it is, depending on the seed: noise, the
// old data with few or many bits set, nearly blank, old on one side and blank on the other, or untouched. After a cut
// every operation fails until power_up().
//
// Flash wears out too: cells that can't be programmed any more or that an erasure no longer sets, and blocks that can't
// be erased. The device says so, or it doesn't.
#pragma once

#include <map>
#include <random>
#include <set>
#include <vector>

#include "drivers/variable/flash/flash.hpp"

namespace redoubt::variable {

class NorModel final : public Flash {
 public:
  explicit NorModel(std::size_t size, std::uint32_t block_size = 0x1000);
  // A device that holds `image`.
  explicit NorModel(std::vector<std::byte> image, std::uint32_t block_size = 0x1000);

  Bytes contents() const override { return commanding_ ? Bytes(garbage_) : Bytes(cells_); }
  std::uint32_t block_size() const override { return block_size_; }
  Result<void> program(std::uint32_t offset, Bytes data) override;
  Result<void> erase(std::uint32_t offset) override;
  void settle() override { commanding_ = false; }

  // Power fails during step `step` from now; a step is one byte programmed or one block erased. `seed` decides what
  // the interrupted unit holds.
  void cut_power_at(std::uint64_t step, std::uint32_t seed);
  void power_up();
  bool powered() const { return powered_; }
  std::uint64_t steps() const { return steps_; }

  // What step `step` from now is about, a cell or a block, is worn from that step on, for ever: the step and each later
  // one have no effect on some or all bits of the cell, or of a cell in the block, or on the whole block, which `seed`
  // decides. Unless the wear is silent the device reports it whenever something isn't as it was asked to be.
  enum class Wear { reported, silent };
  void wear_at(std::uint64_t step, Wear wear, std::uint32_t seed);
  bool is_worn() const { return !worn_cells_.empty() || !worn_blocks_.empty(); }

  // What is stored, whatever the device's mode.
  std::vector<std::byte>& cells() { return cells_; }

 private:
  void program_in_any_order(std::uint32_t offset, Bytes data);
  void erase_in_part(std::uint32_t offset);
  bool program_cell(std::uint32_t offset, std::byte value);
  bool erase_block(std::uint32_t offset);
  bool may_be_worn() const { return wear_step_ != UINT64_MAX || is_worn(); }
  bool is_whole(std::uint64_t steps) const { return cut_ == UINT64_MAX || steps_ + steps <= cut_; }

  std::vector<std::byte> cells_;
  std::vector<std::byte> garbage_;
  std::uint32_t block_size_;
  bool commanding_ = false;
  bool powered_ = true;
  std::uint64_t steps_ = 0;
  std::uint64_t cut_ = UINT64_MAX;
  std::uint64_t wear_step_ = UINT64_MAX;
  Wear wear_ = Wear::reported;
  std::map<std::uint32_t, std::byte> worn_cells_;  // offset, bits that never change
  std::set<std::uint32_t> worn_blocks_;
  std::mt19937 random_;
};

}  // namespace redoubt::variable
