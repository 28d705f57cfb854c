// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/write_queue.hpp"

#include "drivers/variable/store/flash_bytes.hpp"

namespace redoubt::variable {

using format::WorkingBlockHeader;
using format::WriteHeader;
using format::WriteRecord;

namespace {

constexpr bool is_marked(std::uint8_t state, std::uint8_t bit) { return (state & bit) == 0; }

// CRC-32 as UEFI has it (UEFI 2.10, 4.2).
std::uint32_t crc32(Bytes bytes) {
  constexpr std::uint32_t polynomial = 0xEDB88320;
  std::uint32_t crc = UINT32_MAX;
  for (const std::byte value : bytes) {
    crc ^= std::to_integer<std::uint32_t>(value);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
    }
  }
  return ~crc;
}

// Bytes of a write with its header, or nothing when they aren't all within `room`.
Result<std::uint32_t> size_of(const WriteHeader& header, std::uint32_t room) {
  const std::uint64_t record = TRY(checked_add<std::uint64_t>(header.private_data_size, sizeof(WriteRecord)));
  const std::uint64_t records = TRY(checked_multiply(header.writes, record));
  const std::uint64_t size = TRY(checked_add<std::uint64_t>(records, sizeof(WriteHeader)));
  if (size > room) {
    return std::unexpected(Error::malformed);
  }
  return static_cast<std::uint32_t>(size);
}

void read_destination(const WriteRecord& record, const StoreLayout& layout, WriteQueue& queue) {
  const Result<std::uint64_t> start = checked_multiply<std::uint64_t>(record.block, layout.block_size);
  const Result<std::uint64_t> bytes = checked_add(record.offset, record.length);
  if (!start.has_value() || !bytes.has_value() || *start >= layout.work || *bytes == 0 || *bytes > layout.spare_size) {
    return;
  }
  queue.destination = static_cast<std::uint32_t>(*start);
  queue.size = align_up(static_cast<std::uint32_t>(*bytes), layout.block_size);
  queue.plausible = queue.size <= layout.work - queue.destination &&
                    record.relative_offset == std::int64_t{queue.destination} - std::int64_t{layout.spare} &&
                    !is_marked(record.state, WriteRecord::boot_block);
}

}  // namespace

WorkingBlockHeader make_working_block_header(std::uint32_t work_size) {
  WorkingBlockHeader header;
  __builtin_memset(&header, 0xFF, sizeof(header));
  header.signature = format::working_block_guid;
  header.queue_size = work_size - sizeof(header);
  header.crc = crc32(bytes_of(header));
  header.state = WorkingBlockHeader::valid;
  return header;
}

WriteQueue read_write_queue(Bytes window, const StoreLayout& layout) {
  WriteQueue queue;
  const auto expected = make_working_block_header(layout.work_size);
  if (__builtin_memcmp(window.data() + layout.work, &expected, sizeof(expected)) != 0) {
    return queue;
  }
  const std::uint32_t end = layout.work + layout.work_size;
  queue.header = layout.work + std::uint32_t{sizeof(WorkingBlockHeader)};
  for (;;) {
    if (end - queue.header < sizeof(WriteHeader)) {
      queue.state = WriteState::idle;
      queue.clean = true;
      return queue;
    }
    const auto header = load<WriteHeader>(window, queue.header);
    if (!is_marked(header.state, WriteHeader::complete) && !is_marked(header.state, WriteHeader::allocated)) {
      queue.state = WriteState::idle;
      queue.clean = is_blank(window.subspan(queue.header, end - queue.header));
      queue.has_room = end - queue.header >= sizeof(WriteHeader) + sizeof(WriteRecord);
      return queue;
    }
    const Result<std::uint32_t> size = size_of(header, end - queue.header);
    if (!size.has_value()) {
      queue.state = WriteState::unreadable;
      return queue;
    }
    if (is_marked(header.state, WriteHeader::complete)) {
      queue.header += *size;
      continue;
    }
    queue.clean = is_blank(window.subspan(queue.header + *size, end - queue.header - *size));
    queue.state = WriteState::unmarked;
    queue.record = queue.header + std::uint32_t{sizeof(WriteHeader)};
    for (std::uint64_t count = 0; count < header.writes; ++count) {
      const auto record = load<WriteRecord>(window, queue.record);
      if (!is_marked(record.state, WriteRecord::destination_complete)) {
        const bool complete = is_marked(record.state, WriteRecord::spare_complete);
        queue.state = complete ? WriteState::pending : WriteState::begun;
        read_destination(record, layout, queue);
        break;
      }
      queue.record += static_cast<std::uint32_t>(sizeof(WriteRecord) + header.private_data_size);
    }
    return queue;
  }
}

}  // namespace redoubt::variable
