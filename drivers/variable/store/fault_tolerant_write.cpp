// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/fault_tolerant_write.hpp"

#include "drivers/variable/store/flash_bytes.hpp"

namespace redoubt::variable {

using format::WorkingBlockHeader;
using format::WriteHeader;
using format::WriteRecord;

namespace {

// Whose writes these are: this driver's file GUID.
constexpr abi::Guid caller = {0xbe9c3c34, 0xed6b, 0x47d0, {0xb3, 0x54, 0x4e, 0x80, 0x4a, 0x17, 0x2a, 0x00}};

}  // namespace

Result<void> FaultTolerantWrite::mark(std::uint32_t offset, std::uint8_t bit) {
  const auto state = static_cast<std::uint8_t>(std::to_integer<std::uint8_t>(reading()[offset]) & ~bit);
  return flash_.program(offset, bytes_of(state));
}

Result<void> FaultTolerantWrite::erase_unless_blank(std::uint32_t offset, std::uint32_t size) {
  for (const std::uint32_t end = offset + size; offset < end; offset += layout_.block_size) {
    if (!is_blank(reading().subspan(offset, layout_.block_size))) {
      TRY(flash_.erase(offset));
    }
  }
  return {};
}

Result<void> FaultTolerantWrite::copy(std::uint32_t from, std::uint32_t to, std::uint32_t size) {
  std::byte chunk[1024];
  while (size > 0) {
    const std::uint32_t count = std::min(size, std::uint32_t{sizeof(chunk)});
    __builtin_memcpy(chunk, reading().data() + from, count);
    std::uint32_t used = count;
    while (used > 0 && chunk[used - 1] == std::byte{0xFF}) {
      --used;
    }
    if (used > 0) {
      TRY(flash_.program(to, {chunk, used}));
    }
    from += count;
    to += count;
    size -= count;
  }
  return {};
}

// Marks that the spare area's content is in its place, if it is.
Result<void> FaultTolerantWrite::mark_destination(const WriteQueue& queue) {
  const Bytes window = reading();
  if (__builtin_memcmp(window.data() + queue.destination, window.data() + layout_.spare, queue.size) != 0) {
    return std::unexpected(Error::device);
  }
  TRY(mark(queue.record + std::uint32_t{offsetof(WriteRecord, state)}, WriteRecord::destination_complete));
  return mark(queue.header + std::uint32_t{offsetof(WriteHeader, state)}, WriteHeader::complete);
}

// Whatever the destination holds, even what looks right already, may be what an interrupted erasure left: all of it is
// erased. The spare area stays as it is, since firmware that runs meanwhile may read variables there.
Result<void> FaultTolerantWrite::complete(const WriteQueue& queue) {
  const auto completed = [&]() -> Result<void> {
    for (std::uint32_t done = 0; done < queue.size; done += layout_.block_size) {
      TRY(flash_.erase(queue.destination + done));
      TRY(copy(layout_.spare + done, queue.destination + done, layout_.block_size));
    }
    return mark_destination(queue);
  };
  return settled(completed());
}

// What an interrupted erasure leaves of the queue must not be taken for a write under way: the area is marked invalid
// first.
Result<void> FaultTolerantWrite::write_work_area() {
  const WorkingBlockHeader header = make_working_block_header(layout_.work_size);
  const std::uint32_t state = layout_.work + std::uint32_t{offsetof(WorkingBlockHeader, state)};
  if (__builtin_memcmp(reading().data() + layout_.work, &header, sizeof(header)) == 0) {
    TRY(flash_.program(state, bytes_of(WorkingBlockHeader::invalid)));
  }
  TRY(erase_unless_blank(layout_.work, layout_.work_size));
  WorkingBlockHeader unmarked = header;
  unmarked.state = UINT8_MAX;
  TRY(flash_.program(layout_.work, bytes_of(unmarked)));
  return flash_.program(state, bytes_of(header.state));
}

Result<void> FaultTolerantWrite::prepare() {
  const WriteQueue queue = read_write_queue(flash_.contents(), layout_);
  switch (queue.state) {
    case WriteState::no_queue:
    case WriteState::unreadable: return settled(write_work_area());
    case WriteState::idle: return queue.clean ? Result<void>() : settled(write_work_area());
    case WriteState::begun:
    case WriteState::pending:
    case WriteState::unmarked:
      return settled(queue.clean
                         ? mark(queue.header + std::uint32_t{offsetof(WriteHeader, state)}, WriteHeader::complete)
                         : write_work_area());
  }
  return std::unexpected(Error::invalid_argument);
}

Result<void> FaultTolerantWrite::begin(std::uint32_t size) {
  const auto begun = [&]() -> Result<void> {
    position_ = 0;
    // Before the work area: while that isn't valid, stock firmware looks for a copy of it in the spare area, and what
    // it finds there must not be somebody's data.
    TRY(erase_unless_blank(layout_.spare, size));
    current_ = read_write_queue(reading(), layout_);
    if (current_.state != WriteState::idle || !current_.clean || !current_.has_room) {
      TRY(write_work_area());
      current_ = read_write_queue(reading(), layout_);
      if (!current_.has_room) {
        return std::unexpected(Error::device);
      }
    }
    current_.record = current_.header + std::uint32_t{sizeof(WriteHeader)};
    current_.destination = 0;
    current_.size = size;

    // All numbers before any state, so that no state ever stands beside numbers that aren't whole.
    WriteHeader header;
    __builtin_memset(&header, 0xFF, sizeof(header));
    header.caller = caller;
    header.writes = 1;
    header.private_data_size = 0;
    WriteRecord record;
    __builtin_memset(&record, 0xFF, sizeof(record));
    record.block = 0;
    record.offset = 0;
    record.length = size;
    record.relative_offset = -std::int64_t{layout_.spare};
    TRY(flash_.program(current_.header, bytes_of(header)));
    TRY(flash_.program(current_.record, bytes_of(record)));
    const std::uint32_t state = current_.header + std::uint32_t{offsetof(WriteHeader, state)};
    TRY(mark(state, WriteHeader::allocated));
    return mark(state, WriteHeader::writes_allocated);
  };
  return settled(begun());
}

Result<void> FaultTolerantWrite::add(Bytes bytes) {
  if (bytes.size() > current_.size - position_) {
    return std::unexpected(Error::invalid_argument);
  }
  const Result<void> added = settled(flash_.program(layout_.spare + position_, bytes));
  position_ += static_cast<std::uint32_t>(bytes.size());
  return added;
}

Result<void> FaultTolerantWrite::add_from_flash(std::uint32_t offset, std::uint32_t size) {
  if (size > current_.size - position_) {
    return std::unexpected(Error::invalid_argument);
  }
  const Result<void> added = settled(copy(offset, layout_.spare + position_, size));
  position_ += size;
  return added;
}

Result<void> FaultTolerantWrite::commit() {
  return settled(mark(current_.record + std::uint32_t{offsetof(WriteRecord, state)}, WriteRecord::spare_complete));
}

Result<void> FaultTolerantWrite::finish() {
  const auto finished = [&]() -> Result<void> {
    for (std::uint32_t done = 0; done < current_.size; done += layout_.block_size) {
      // Most of the blocks that come before the first deleted record stay as they are.
      const Bytes window = reading();
      if (__builtin_memcmp(window.data() + done, window.data() + layout_.spare + done, layout_.block_size) == 0) {
        continue;
      }
      TRY(erase_unless_blank(done, layout_.block_size));
      TRY(copy(layout_.spare + done, done, layout_.block_size));
    }
    return mark_destination(current_);
  };
  return settled(finished());
}

}  // namespace redoubt::variable
