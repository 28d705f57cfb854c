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

// All functions may fail with Error::device. The flash reads again whenever one of them returns.
class FaultTolerantWrite {
 public:
  // `layout` must be sound and that of `flash`.
  FaultTolerantWrite(Flash& flash, const StoreLayout& layout) : flash_(flash), layout_(layout) {}

  // Copies the spare area where the pending write of `queue` wants it. It must be plausible.
  Result<void> complete(const WriteQueue& queue);
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
  // The data is complete; from here on the write happens.
  Result<void> commit();
  // Puts it in its place.
  Result<void> finish();

 private:
  // Through memory: what is programmed can't be read meanwhile.
  Result<void> copy(std::uint32_t from, std::uint32_t to, std::uint32_t size);
  Result<void> erase_unless_blank(std::uint32_t offset, std::uint32_t size);
  // Marks a bit in a state, which is the byte at `offset`.
  Result<void> mark(std::uint32_t offset, std::uint8_t bit);
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
