// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/fault_tolerant_write.hpp"

#include "abi/redoubt/image_names.hpp"
#include "drivers/variable/store/flash_bytes.hpp"

namespace redoubt::variable {

using format::WorkingBlockHeader;
using format::WriteHeader;
using format::WriteRecord;

namespace {

// Whose writes these are: this driver's file GUID.
constexpr abi::Guid caller = abi::image_names::variable_driver;

}  // namespace

Result<void> FaultTolerantWrite::mark(std::uint32_t offset, std::uint8_t bit) {
  const auto state = static_cast<std::uint8_t>(std::to_integer<std::uint8_t>(flash_.contents()[offset]) & ~bit);
  return flash_.program(offset, bytes_of(state));
}

Result<void> FaultTolerantWrite::erase_unless_blank(std::uint32_t offset, std::uint32_t size) {
  for (const std::uint32_t end = offset + size; offset < end; offset += layout_.block_size) {
    if (!is_blank(flash_.contents().subspan(offset, layout_.block_size))) {
      TRY(flash_.erase(offset));
    }
  }
  return {};
}

Result<void> FaultTolerantWrite::copy(std::uint32_t from, std::uint32_t to, std::uint32_t size) {
  constexpr std::uint32_t chunk = 1024;
  while (size > 0) {
    const std::uint32_t count = std::min(size, chunk);
    const Bytes bytes = flash_.contents().subspan(from, count);
    std::uint32_t used = count;
    while (used > 0 && bytes[used - 1] == std::byte{0xFF}) {
      --used;
    }
    if (used > 0) {
      TRY(flash_.program(to, bytes.first(used)));
    }
    from += count;
    to += count;
    size -= count;
  }
  return {};
}

// Puts one block of the spare area's content in its place. What the content's last bytes leave of the block, and blocks
// that it leaves blank, may stay as they are: a writer that appends to the store sees what isn't blank there.
Result<void> FaultTolerantWrite::put_block(const WriteQueue& queue, std::uint32_t block, std::uint32_t content,
                                           bool even_if_equal) {
  const std::uint32_t to = queue.destination + block;
  const std::uint32_t from = layout_.spare + block;
  const auto is_equal = [&](std::uint32_t size) {
    const Bytes window = flash_.contents();
    return __builtin_memcmp(window.data() + to, window.data() + from, size) == 0;
  };
  if (!even_if_equal && is_equal(layout_.block_size)) {
    return {};
  }
  // Only what counts must have succeeded.
  if (even_if_equal || !is_blank(flash_.contents().subspan(to, layout_.block_size))) {
    static_cast<void>(flash_.erase(to));
  }
  static_cast<void>(copy(from, to, layout_.block_size));
  if (flash_.is_closed()) {
    return std::unexpected(Error::device);
  }
  const std::uint32_t used = block < content ? std::min(content - block, layout_.block_size) : 0;
  if (!is_equal(used)) {
    return std::unexpected(Error::device);
  }
  // What can't be erased behind it must not look like variables that nothing leads to.
  for (std::uint32_t offset = align_up(to + used, format::record_alignment); offset < to + layout_.block_size;
       offset += format::record_alignment) {
    if (load<std::uint16_t>(flash_.contents(), offset) == format::RecordHeader::expected_start) {
      TRY(flash_.program(offset, bytes_of(std::uint16_t{0})));
    }
  }
  return {};
}

// Marks that the spare area's content is in its place. While a reader finds that it isn't, nothing may be written
// there. The second mark only says that the record needn't be looked at.
Result<void> FaultTolerantWrite::mark_destination(const WriteQueue& queue) {
  const Result<void> marked =
      mark(queue.record + std::uint32_t{offsetof(WriteRecord, state)}, WriteRecord::destination_complete);
  const Result<void> over = mark(queue.header + std::uint32_t{offsetof(WriteHeader, state)}, WriteHeader::complete);
  return over.has_value() ? over : marked;
}

// Whatever the destination holds, even what looks right already, may be what an interrupted erasure left: all of it is
// erased. The spare area stays as it is, since firmware that runs meanwhile may read variables there.
Result<void> FaultTolerantWrite::complete(const WriteQueue& queue, std::uint32_t content) {
  for (std::uint32_t block = 0; block < queue.size; block += layout_.block_size) {
    TRY(put_block(queue, block, content, true));
  }
  return mark_destination(queue);
}

// What an interrupted erasure leaves of the queue must not be taken for a write under way: the area is marked invalid
// first.
Result<void> FaultTolerantWrite::write_work_area() {
  const WorkingBlockHeader header = make_working_block_header(layout_.work_size);
  const std::uint32_t state = layout_.work + std::uint32_t{offsetof(WorkingBlockHeader, state)};
  if (__builtin_memcmp(flash_.contents().data() + layout_.work, &header, sizeof(header)) == 0) {
    TRY(flash_.program(state, bytes_of(WorkingBlockHeader::invalid)));
  }
  TRY(erase_unless_blank(layout_.work, layout_.work_size));
  WorkingBlockHeader unmarked = header;
  unmarked.state = UINT8_MAX;
  TRY(flash_.program(layout_.work, bytes_of(unmarked)));
  return flash_.program(state, bytes_of(header.state));
}

Result<void> FaultTolerantWrite::prepare() {
  const WriteQueue found = queue();
  switch (found.state) {
    case WriteState::no_queue:
    case WriteState::unreadable: return write_work_area();
    case WriteState::idle: return found.clean ? Result<void>() : write_work_area();
    case WriteState::begun:
    case WriteState::pending:
    case WriteState::unmarked:
      return found.clean ? mark(found.header + std::uint32_t{offsetof(WriteHeader, state)}, WriteHeader::complete)
                         : write_work_area();
  }
  return std::unexpected(Error::invalid_argument);
}

// All numbers before any state, so that no state ever stands beside numbers that aren't whole.
Result<void> FaultTolerantWrite::enter_at_end(std::uint32_t size) {
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
  const std::uint32_t at = current_.header;
  TRY(flash_.program(at, bytes_of(header)));
  TRY(flash_.program(at + std::uint32_t{sizeof(header)}, bytes_of(record)));
  const std::uint32_t state = at + std::uint32_t{offsetof(WriteHeader, state)};
  TRY(mark(state, WriteHeader::allocated));
  TRY(mark(state, WriteHeader::writes_allocated));
  current_ = queue();
  if (current_.state != WriteState::begun || current_.header != at || !current_.plausible ||
      current_.destination != 0 || current_.size != size) {
    return std::unexpected(Error::device);
  }
  return {};
}

Result<void> FaultTolerantWrite::enter(std::uint32_t size) {
  current_ = queue();
  if (current_.state == WriteState::idle && current_.clean && current_.has_room && enter_at_end(size).has_value()) {
    return {};
  }
  // Where one place of the queue is worn the next try starts at another.
  TRY(write_work_area());
  current_ = queue();
  if (current_.state != WriteState::idle || !current_.has_room) {
    return std::unexpected(Error::device);
  }
  return enter_at_end(size);
}

Result<void> FaultTolerantWrite::begin(std::uint32_t size) {
  position_ = 0;
  current_ = {};
  // Before the work area: while that isn't valid, stock firmware looks for a copy of it in the spare area, and what it
  // finds there must not be a variable's data.
  TRY(erase_unless_blank(layout_.spare, size));
  return enter(size);
}

Result<void> FaultTolerantWrite::begin_with_spare(std::uint32_t size) {
  current_ = {};
  position_ = size;
  return enter(size);
}

Result<void> FaultTolerantWrite::add(Bytes bytes) {
  if (bytes.size() > current_.size - position_) {
    return std::unexpected(Error::invalid_argument);
  }
  const std::uint32_t to = layout_.spare + position_;
  position_ += static_cast<std::uint32_t>(bytes.size());
  return flash_.program(to, bytes);
}

Result<void> FaultTolerantWrite::commit() {
  return mark(current_.record + std::uint32_t{offsetof(WriteRecord, state)}, WriteRecord::spare_complete);
}

Result<void> FaultTolerantWrite::give_up() {
  if (current_.record == 0) {
    return {};
  }
  return mark(current_.header + std::uint32_t{offsetof(WriteHeader, state)}, WriteHeader::complete);
}

Result<void> FaultTolerantWrite::finish() {
  for (std::uint32_t block = 0; block < current_.size; block += layout_.block_size) {
    // Most of the blocks that come before the first deleted record stay as they are.
    TRY(put_block(current_, block, position_, false));
  }
  return mark_destination(current_);
}

}  // namespace redoubt::variable
