// SPDX-License-Identifier: BSD-2-Clause-Patent
// Replaces the start of the window so that power may fail at any moment: it holds what it held before, or, once
// commit() is over, what was added, now or when the next start completes it (format and states: write_queue.hpp).
// Stock firmware completes what this interrupted, and this completes what stock firmware interrupted.
//
// Nothing is kept in memory between two writes but the copy of the flash, which all that is read here comes from.
#pragma once

#include "drivers/variable/store/flash_copy.hpp"
#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/store/write_queue.hpp"

namespace redoubt::variable {

// All functions may fail with Error::device: reading back shows that flash didn't do something, or it doesn't answer.
class FaultTolerantWrite {
 public:
  // `layout` must be sound and that of `flash`.
  FaultTolerantWrite(FlashCopy& flash, const StoreLayout& layout) : flash_(flash), layout_(layout) {}

  // Copies the spare area where the pending write of `queue` wants it. It must be plausible. After an error the write
  // is still pending, and the spare area has all of it. Of its bytes the first `content` count; what follows is blank
  // in the spare area, and a worn cell there, which the destination keeps, is no reason to fail.
  Result<void> complete(const WriteQueue& queue, std::uint32_t content);
  // Makes the work area take the next write: marks the write under way as over, whatever became of it, or writes the
  // area anew if it can't be used. A work area that can stays as it is.
  Result<void> prepare();

  // A write of the first `size` bytes of the window, whole blocks, begins. prepare() was called before.
  Result<void> begin(std::uint32_t size);
  // Its next bytes; what isn't added is as erased. `bytes` may lie in the copy, but not in the spare area.
  Result<void> add(Bytes bytes);
  // Begins a write of what the spare area holds already, which was never entered in the queue: commit() comes next.
  Result<void> begin_with_spare(std::uint32_t size);
  // Leaves bytes out up to the next multiple of `alignment`, a power of two.
  void align(std::uint32_t alignment) { position_ = align_up(position_, alignment); }
  // How many bytes were added, the ones left out included.
  std::uint32_t position() const { return position_; }
  // The data is complete; from here on the write happens. All of it was read back before. After an error it may yet
  // happen, unless give_up() succeeds.
  Result<void> commit();
  // After an error of any function above: marks the write as over, if it had begun.
  Result<void> give_up();
  // Puts it in its place. After an error it's still pending, and the spare area has all of it. Behind what was added
  // worn cells may be other than blank.
  Result<void> finish();

 private:
  // Blank bytes at the end aren't programmed.
  Result<void> copy(std::uint32_t from, std::uint32_t to, std::uint32_t size);
  Result<void> erase_unless_blank(std::uint32_t offset, std::uint32_t size);
  // Marks a bit in a state, which is the byte at `offset`.
  Result<void> mark(std::uint32_t offset, std::uint8_t bit);
  // `content`: bytes up to the last one of the spare area that counts. A block that is equal already is written all the
  // same if `even_if_equal`.
  Result<void> put_block(const WriteQueue& queue, std::uint32_t block, std::uint32_t content, bool even_if_equal);
  // Enters a write of `size` bytes in the queue: at its end if that has room, else in an empty one.
  Result<void> enter(std::uint32_t size);
  Result<void> enter_at_end(std::uint32_t size);
  Result<void> mark_destination(const WriteQueue& queue);
  Result<void> write_work_area();
  WriteQueue queue() const { return read_write_queue(flash_.contents(), layout_); }

  FlashCopy& flash_;
  StoreLayout layout_;
  // Of the write between begin() and finish().
  std::uint32_t position_ = 0;
  WriteQueue current_;
};

}  // namespace redoubt::variable
