// SPDX-License-Identifier: BSD-2-Clause-Patent
// Replaces the start of the window so that power may fail at any moment: it holds what it held before, or, once
// commit() is over, what was added, now or when the next start completes it (format and states: write_queue.hpp).
// Stock firmware completes what this interrupted, and this completes what stock firmware interrupted.
//
// Nothing is kept in memory between two writes: what counts is in flash.
#pragma once

#include "drivers/variable/flash/flash.hpp"
#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/store/write_queue.hpp"

namespace redoubt::variable {

// All functions may fail with Error::device, which is what flash says that it can't do or what reading back shows that
// it didn't do. The flash reads again whenever one of them returns.
class FaultTolerantWrite {
 public:
  // `layout` must be sound and that of `flash`.
  FaultTolerantWrite(Flash& flash, const StoreLayout& layout) : flash_(flash), layout_(layout) {}

  // Copies the spare area where the pending write of `queue` wants it. It must be plausible. After an error the write
  // is still pending, and the spare area has all of it. Of its bytes the first `content` count; what follows is blank
  // in the spare area, and a worn cell there, which the destination keeps, is no reason to fail.
  Result<void> complete(const WriteQueue& queue, std::uint32_t content);
  // Makes the work area take the next write: marks the write under way as over, whatever became of it, or writes the
  // area anew if it can't be used. A work area that can stays as it is.
  Result<void> prepare();

  // A write of the first `size` bytes of the window, whole blocks, begins. prepare() was called before.
  Result<void> begin(std::uint32_t size);
  // Its next bytes; what isn't added is as erased. `bytes` must not lie in the flash.
  Result<void> add(Bytes bytes);
  // The same for bytes of the window.
  Result<void> add_from_flash(std::uint32_t offset, std::uint32_t size);
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
  // Through memory: what is programmed can't be read meanwhile.
  Result<void> copy(std::uint32_t from, std::uint32_t to, std::uint32_t size);
  Result<void> erase_unless_blank(std::uint32_t offset, std::uint32_t size);
  // Marks a bit in a state, which is the byte at `offset`.
  Result<void> mark(std::uint32_t offset, std::uint8_t bit);
  // The same; an error if the bit can't be read as marked.
  Result<void> mark_and_check(std::uint32_t offset, std::uint8_t bit);
  // `content`: bytes up to the last one of the spare area that counts. A block that is equal already is written all the
  // same if `even_if_equal`.
  Result<void> put_block(const WriteQueue& queue, std::uint32_t block, std::uint32_t content, bool even_if_equal);
  // Enters a write of `size` bytes in the queue, which has room.
  Result<void> enter(std::uint32_t size);
  Result<void> mark_destination(const WriteQueue& queue);
  Result<void> write_work_area();
  Result<void> settled(Result<void> result) {
    flash_.settle();
    return result;
  }
  Bytes reading() {
    flash_.settle();
    return flash_.contents();
  }

  Flash& flash_;
  StoreLayout layout_;
  // Of the write between begin() and finish().
  std::uint32_t position_ = 0;
  WriteQueue current_;
};

}  // namespace redoubt::variable
