// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/communication/comm_buffer.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t header_bytes = sizeof(abi::CommunicateHeader);
constexpr std::uint64_t header_v3_bytes = sizeof(abi::CommunicateHeaderV3);

// One read of each byte outside, in units that the compiler may not merge, repeat or invent.
void fetch(void* destination, const std::byte* source, std::uint64_t words) {
  const auto* from = reinterpret_cast<const volatile std::uint64_t*>(source);
  for (std::uint64_t word = 0; word < words; ++word) {
    const std::uint64_t value = from[word];
    std::memcpy(static_cast<std::byte*>(destination) + word * sizeof(value), &value, sizeof(value));
  }
}

}  // namespace

void CommBuffer::initialize(const std::byte* outside, std::byte* copy, std::uint64_t bytes,
                            volatile abi::CommBufferStatus* status) {
  outside_ = outside;
  copy_ = copy;
  bytes_ = bytes;
  status_ = status;
  high_water_ = 0;
}

CapturedMessage CommBuffer::capture() {
  CapturedMessage message;
  if (status_->is_comm_buffer_valid == 0) return message;
  // What the host wrote before it set the flag is read after the flag.
  std::atomic_signal_fence(std::memory_order_acquire);

  abi::CommunicateHeaderV3 header;
  fetch(&header, outside_, header_bytes / sizeof(std::uint64_t));
  std::uint64_t declared = 0;
  if (header.header_guid == abi::communicate_header_v3_guid) {
    fetch(&header.reserved, outside_ + header_bytes, (header_v3_bytes - header_bytes) / sizeof(std::uint64_t));
    declared = header.buffer_size;
    message.data_offset = header_v3_bytes;
    message.guid = header.message_guid;
    if (declared < header_v3_bytes || declared > bytes_ || header.message_size > declared - header_v3_bytes)
      message.kind = CapturedMessage::Kind::rejected;
    message.data_size = declared - header_v3_bytes;
    message.data_capacity = message.data_size;
  } else {
    // A version 1 header: what is named buffer_size above is its MessageLength.
    const std::uint64_t message_length = header.buffer_size;
    message.data_offset = header_bytes;
    message.guid = header.header_guid;
    if (message_length > bytes_ - header_bytes) message.kind = CapturedMessage::Kind::rejected;
    declared = header_bytes + message_length;
    message.data_size = message_length;
    message.data_capacity = bytes_ - header_bytes;
  }
  if (message.kind == CapturedMessage::Kind::rejected) {
    message.data_size = 0;
    message.data_capacity = 0;
    answer({.status = abi::status::bad_buffer_size, .bytes = 0});
    return message;
  }

  std::memcpy(copy_, &header, message.data_offset);
  std::memcpy(copy_ + message.data_offset, outside_ + message.data_offset, declared - message.data_offset);
  if (high_water_ > declared) std::memset(copy_ + declared, 0, high_water_ - declared);
  high_water_ = declared;
  message.kind = CapturedMessage::Kind::message;
  return message;
}

void CommBuffer::reply(const CapturedMessage& message, CommReply reply) {
  const std::uint64_t size = std::min(reply.bytes, message.data_capacity);
  const std::uint64_t end = message.data_offset + size;
  std::memcpy(const_cast<std::byte*>(outside_) + message.data_offset, copy_ + message.data_offset, size);
  high_water_ = std::max(high_water_, end);
  answer({.status = reply.status, .bytes = end});
}

void CommBuffer::answer(CommReply reply) {
  status_->return_status = reply.status;
  status_->return_buffer_size = reply.bytes;
  // The flag is the mailbox's lock: everything else is in place when it falls.
  std::atomic_signal_fence(std::memory_order_release);
  status_->is_comm_buffer_valid = 0;
}

}  // namespace redoubt::supervisor
