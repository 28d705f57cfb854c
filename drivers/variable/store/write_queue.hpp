// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the work area says about fault-tolerant writes. A write goes through these states, each marked by one bit more
// that is cleared, in the write's header (H) or record (R):
//
//   H allocated, writes allocated   it has begun; its data goes to the spare area, the destination is untouched
//   R spare complete                the spare area holds all of it: from here on it will happen, however often power
//                                   fails; the destination is erased and written
//   R destination complete
//   H complete                      it's over
//
// Only the last write of the queue may be in one of the states between.
#pragma once

#include "base/byte_reader.hpp"
#include "drivers/variable/store/format.hpp"
#include "drivers/variable/store/layout.hpp"

namespace redoubt::variable {

enum class WriteState : std::uint8_t {
  no_queue,    // the area's header isn't valid
  unreadable,  // the queue's sizes lead nowhere
  idle,        // no write is under way
  begun,       // one is, without effect
  pending,     // one is, and the spare area is complete
  unmarked,    // one is over, but its header doesn't say so
};

// Offsets in the window, sizes in bytes.
struct WriteQueue {
  WriteState state = WriteState::no_queue;
  std::uint32_t header = 0;  // of the write under way, or of the next one
  std::uint32_t record = 0;  // of the write under way
  bool clean = false;        // behind the write under way nothing is written
  bool has_room = false;     // for another write of one record; only when idle

  // What a pending write covers: [destination, destination + size), whole blocks, with the spare area's content.
  std::uint32_t destination = 0;
  std::uint32_t size = 0;
  // Whether that is a part of the window that such a write may replace: all in front of the work area.
  bool plausible = false;
};

// Reads the queue in `window`.
WriteQueue read_write_queue(Bytes window, const StoreLayout& layout);

// The header of a valid work area of `work_size` bytes.
format::WorkingBlockHeader make_working_block_header(std::uint32_t work_size);

}  // namespace redoubt::variable
