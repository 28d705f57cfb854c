// SPDX-License-Identifier: BSD-2-Clause-Patent
// The flash's window in memory of the driver's own. It is read once, when the driver starts and nothing foreign has run
// yet; from then on all decisions are made on this copy, and flash is only written, and asked whether it took that.
//
// Each write is bracketed: before it the device must answer in the block written and hold what the copy has there, and
// after it the device must answer again: that no CPU runs outside isn't enough, since a device's DMA can move a window,
// too. If it holds something else then than was meant, its cells are worn, and the
// copy has what they show: that is never part of a variable, which counts only once all of it was found as meant. If
// nothing answers then, it is unknown what became of the write: the copy keeps what it had, and nothing more is written
// before the next start.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "base/allocator.hpp"
#include "base/result.hpp"
#include "drivers/variable/flash/flash.hpp"
#include "drivers/variable/flash/other_processors.hpp"

namespace redoubt::variable {

// Why nothing was written, or not what was meant.
enum class WriteRefusal : std::uint8_t {
  none,
  processor,  // another CPU is known to run outside MM
  silence,    // something else than the flash answers where it should be
  contents,   // the flash holds something else than what was stored there
  worn,       // it doesn't take what is written
  unknown,    // nothing answered any more after a write
  closed,     // that was so earlier in this boot
};

class FlashCopy {
 public:
  // A part of the window.
  struct Range {
    std::uint32_t offset;
    std::uint32_t size;
  };

  // `processors` is null where no other CPU runs foreign code.
  FlashCopy(Allocator& allocator, Flash& flash, OtherProcessors* processors)
      : allocator_(allocator),
        flash_(flash),
        processors_(processors),
        size_(flash.size()),
        block_size_(flash.block_size()) {}
  FlashCopy(const FlashCopy&) = delete;
  FlashCopy& operator=(const FlashCopy&) = delete;
  ~FlashCopy() { allocator_.release(cells_); }

  // Reads the whole window. Error::out_of_memory.
  Result<void> load();
  // Of the whole window, once it was loaded.
  Bytes contents() const { return {cells_, size_}; }
  std::uint32_t size() const { return size_; }
  std::uint32_t block_size() const { return block_size_; }

  // Before the first write of several that belong together, in `ranges`: no other CPU runs outside MM as far as can be
  // told, and the device answers in every block. Error::device otherwise, and nothing was written.
  Result<void> begin(std::initializer_list<Range> ranges);
  // Before the one among them that makes the others count: whether that is still so.
  Result<void> confirm();
  // It was no longer so, or the device didn't answer before a write: up to the next begin() all others are refused.
  bool is_disturbed() const { return is_disturbed_; }
  // A write had no certain outcome: nothing more is written.
  bool is_closed() const { return is_closed_; }
  // The gravest reason for an Error::device since the last call.
  WriteRefusal take_refusal() { return std::exchange(refusal_, WriteRefusal::none); }

  // The data, a multiple of whose bits are set in the cells, is there afterwards, or Error::device. `data` may lie in
  // contents().
  Result<void> program(std::uint32_t offset, Bytes data);
  // The block at `offset` is blank afterwards, or Error::device.
  Result<void> erase(std::uint32_t offset);

 private:
  Result<void> before_write(std::uint32_t offset);
  Result<void> program_in_block(std::uint32_t offset, Bytes data);
  Result<void> expect_device(std::uint32_t offset);
  std::unexpected<Error> refuse(WriteRefusal refusal) {
    refusal_ = std::max(refusal_, refusal);
    return std::unexpected(Error::device);
  }
  // After a write that didn't end as meant.
  Result<void> take_what_is_there(std::uint32_t offset, Bytes data, bool erased);
  // After a write whose result should be `expected`; takes what there is into the copy.
  Result<void> take(std::uint32_t offset, Bytes expected);

  Allocator& allocator_;
  Flash& flash_;
  OtherProcessors* processors_;
  std::uint32_t size_;
  std::uint32_t block_size_;
  std::byte* cells_ = nullptr;
  bool some_presumed_stopped_ = false;
  bool is_disturbed_ = false;
  bool is_closed_ = false;
  WriteRefusal refusal_ = WriteRefusal::none;
};

}  // namespace redoubt::variable
