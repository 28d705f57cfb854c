// SPDX-License-Identifier: BSD-2-Clause-Patent
// NOR flash for the host, less kind than QEMU's: programming only clears bits, and power can fail at any byte. A cut
// leaves the bytes of the interrupted write buffer programmed one after the other in random order, one of them or, with
// some seeds, all that were still to come in some of their bits; or, where that is asked for, each byte of the buffer
// by itself done, done in some of its bits or untouched. An interrupted erasure leaves the block undefined; since what
// looks nearly right is more dangerous than noise, it is, depending on the seed: noise, the old data with few or many
// bits set, nearly blank, old on one side and blank on the other, or untouched. After a cut every operation fails until
// power_up().
//
// Flash wears out too: cells that can't be programmed any more or that an erasure no longer sets, and blocks that can't
// be erased. The device says so, or it doesn't. Whole blocks go bad, in each way that a block of NOR flash can.
//
// And something else can be laid over it, as the host can: RAM, or something that answers as the device would.
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

  std::uint32_t size() const override { return static_cast<std::uint32_t>(cells_.size()); }
  std::uint32_t block_size() const override { return block_size_; }
  void read(std::uint32_t offset, MutableBytes destination) override;
  Answer ask(std::uint32_t offset, Bytes expected) override;
  Result<void> program(std::uint32_t offset, Bytes data) override;
  Result<void> erase(std::uint32_t offset) override;

  // How far the bytes of an interrupted write buffer have come.
  enum class Landing {
    one_by_one,  // in random order as many as there were steps
    any_subset,  // each for itself: nothing tells how many
  };
  // Power fails during step `step` from now; a step is one byte programmed or one block erased. `seed` decides what
  // the interrupted unit holds.
  void cut_power_at(std::uint64_t step, std::uint32_t seed, Landing landing = Landing::one_by_one);
  void power_up();
  bool powered() const { return powered_; }
  std::uint64_t steps() const { return steps_; }

  // What step `step` from now is about, a cell or a block, is worn from that step on, for ever: the step and each later
  // one have no effect on some or all bits of the cell, or of a cell in the block, or on the whole block, which `seed`
  // decides. Unless the wear is silent the device reports it whenever something isn't as it was asked to be.
  enum class Wear { reported, silent };
  void wear_at(std::uint64_t step, Wear wear, std::uint32_t seed);
  bool is_worn() const { return !worn_cells_.empty() || !worn_blocks_.empty(); }

  enum class Defect {
    program_fails,    // nothing is programmed, and the device says so
    erase_fails,      // nothing is erased, and the device says so
    program_ignored,  // nothing is programmed, and the device reports success
    erase_ignored,    // nothing is erased, and the device reports success
    reads_wrong,      // some bits read as set, as cleared or as the contrary of what they hold, always the same
  };
  // The block at `offset` has the defect from step `step` from now on, for ever. `seed` decides which bits read wrong:
  // in one byte of the block or in several, with half of the seeds within what the block holds now. One block at most
  // has one.
  void break_block(std::uint32_t offset, Defect defect, std::uint64_t step, std::uint32_t seed);
  // Whether that step has come.
  bool is_broken() const { return steps_ >= defect_step_; }

  // `content` shows at [offset, offset + content.size()), whole blocks, instead of the device, and takes what is
  // written there, until uncover(). RAM has no status; what pretends does everything that the device would do, on its
  // own content.
  enum class Cover { ram, pretends };
  void cover(std::uint32_t offset, std::vector<std::byte> content, Cover kind);
  void uncover() {
    is_cover_shown_ = false;
    windows_.clear();
  }
  // The same from just before access `start` to just before access `end`, counted from now, once or several times, in
  // ascending order; it keeps what was written to it. Each read, each question, each write buffer programmed and each
  // block erased is one access.
  struct Window {
    std::uint64_t start;
    std::uint64_t end;
  };
  void cover_during(const std::vector<Window>& windows, std::uint32_t offset, std::vector<std::byte> content,
                    Cover kind);
  std::uint64_t accesses() const { return accesses_; }
  // Commands that were taken for writes by what lay over the device.
  std::uint64_t misled() const { return misled_; }

  // What is stored, whatever lies over it.
  std::vector<std::byte>& cells() { return cells_; }
  // What the device shows of it when read, whatever lies over it.
  std::vector<std::byte> shown() const;

 private:
  bool is_covered(std::uint32_t offset) const {
    return is_cover_shown_ && offset >= cover_offset_ && offset - cover_offset_ < cover_.size();
  }
  struct WrongBits {
    std::byte set{0};
    std::byte cleared{0};
    std::byte inverted{0};
  };
  std::byte shown_at(std::uint32_t offset) const;
  void begin_access();
  // How many of `steps` steps from now on in the block of `offset` come before the defect, if it's `defect`.
  std::size_t before_defect(Defect defect, std::uint32_t offset, std::size_t steps) const;
  Result<void> program_buffer(std::uint32_t offset, Bytes data);
  void program_in_any_order(std::uint32_t offset, Bytes data);
  void program_any_subset(std::uint32_t offset, Bytes data);
  void erase_in_part(std::uint32_t offset);
  bool program_cell(std::uint32_t offset, std::byte value);
  bool erase_block(std::uint32_t offset);
  bool may_be_worn() const { return wear_step_ != UINT64_MAX || is_worn(); }
  bool is_whole(std::uint64_t steps) const { return cut_ == UINT64_MAX || steps_ + steps <= cut_; }

  std::vector<std::byte> cells_;
  std::vector<std::byte> cover_;
  bool is_cover_shown_ = false;
  std::vector<Window> windows_;  // accesses since the beginning
  std::uint32_t cover_offset_ = 0;
  Cover cover_kind_ = Cover::ram;
  std::uint64_t misled_ = 0;
  std::uint32_t block_size_;
  bool powered_ = true;
  std::uint64_t steps_ = 0;
  std::uint64_t cut_ = UINT64_MAX;
  Landing landing_ = Landing::one_by_one;
  std::uint64_t wear_step_ = UINT64_MAX;
  Wear wear_ = Wear::reported;
  std::map<std::uint32_t, std::byte> worn_cells_;  // offset, bits that never change
  std::set<std::uint32_t> worn_blocks_;
  std::uint64_t defect_step_ = UINT64_MAX;
  std::uint32_t defect_block_ = 0;
  Defect defect_ = Defect::program_fails;
  std::map<std::uint32_t, WrongBits> wrong_bits_;
  std::uint64_t accesses_ = 0;
  std::mt19937 random_;
};

}  // namespace redoubt::variable
