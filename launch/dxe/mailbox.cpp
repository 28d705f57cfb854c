// SPDX-License-Identifier: BSD-2-Clause-Patent
// The flag is written last before the MMI and read first after it; everything else is ordered around it.
#include "launch/dxe/mailbox.hpp"

#include <algorithm>
#include <cstring>

#include "base/address.hpp"
#include "launch/dxe/machine.hpp"
#include "launch/dxe/message_payload.hpp"
#include "policy/closed_answers.hpp"

namespace redoubt::launch::dxe {

namespace {

// How long MM may take to take over the CPU. A chipset needs microseconds, an emulator one instruction. Raising the
// MMI again does no harm: without a message MM has nothing to do. Chipsets have been seen to lose one MMI in many.
constexpr unsigned attempts = 8;
constexpr unsigned polls_per_attempt = 1U << 20;

abi::CommBufferStatus* mailbox_status(void* status) { return static_cast<abi::CommBufferStatus*>(status); }

std::uint64_t read_once(const std::uint64_t& field) { return __atomic_load_n(&field, __ATOMIC_RELAXED); }

// A message, in `size` bytes at `buffer`, failed, and `answered` bytes of it came back: unless some of them are
// payload, its sender, who may look at nothing else, finds there what it must.
abi::EfiStatus answer_without_mm(void* buffer, std::uint64_t size, std::uint64_t answered, abi::EfiStatus failure) {
  const auto payload = message_payload(buffer, static_cast<std::size_t>(size));
  if (!payload || answered > size - payload->bytes.size()) {
    return failure;
  }
  const policy::ClosedMessage message = policy::closed_message(payload->handler);
  if (message == policy::ClosedMessage::unknown) return policy::answer_unknown(failure, payload->bytes).status;
  const policy::ClosedQuestion question = policy::closed_question(payload->handler, payload->bytes);
  return policy::answer_closed(message, question, failure, payload->bytes).status;
}

// The bytes of a caller's buffer: as its size or, without one, its header has it.
std::uint64_t room_of(const void* buffer, const abi::UintN* size) {
  if (size != nullptr) {
    return *size;
  }
  if (buffer == nullptr) {
    return 0;
  }
  abi::CommunicateHeader header;
  __builtin_memcpy(&header, buffer, sizeof(header));
  if (header.header_guid != abi::communicate_header_v3_guid) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(header.message_length, sizeof(header), &sum) ? ~std::uint64_t{0} : sum;
  }
  abi::CommunicateHeaderV3 header_3;
  __builtin_memcpy(&header_3, buffer, sizeof(header_3));
  return header_3.buffer_size;
}

// A message with impossible sizes: here too its sender may look at nothing but its own buffer. Of a message that isn't
// known nothing is touched, since where it ends is in doubt.
void refuse_known_message(void* buffer, std::uint64_t size, abi::EfiStatus failure) {
  const auto payload = message_payload(buffer, static_cast<std::size_t>(size));
  if (payload && policy::closed_message(payload->handler) != policy::ClosedMessage::unknown &&
      payload->bytes.size() >= policy::status_place(policy::closed_message(payload->handler)).header_size) {
    answer_without_mm(buffer, size, 0, failure);
  }
}

}  // namespace

bool Mailbox::open(const abi::CommBufferDescription& description) {
  constexpr std::uint64_t highest = ~std::uint64_t{0};
  const std::uint64_t start = description.physical_start;
  const std::uint64_t pages = description.number_of_pages;
  if (start == 0 || start % page_bytes != 0 || pages == 0 || pages > (highest - start) / page_bytes ||
      description.status == 0 || description.status % alignof(abi::CommBufferStatus) != 0) {
    return false;
  }
  buffer_ = reinterpret_cast<void*>(start);
  status_ = reinterpret_cast<void*>(description.status);
  capacity_ = pages * page_bytes;
  return true;
}

// Sets the flag and raises MMIs until MM has cleared it. False: it never did, and the flag is cleared again. MM runs
// with all other CPUs held, so a cleared flag means that MM will not see the message any more.
bool Mailbox::deliver() {
  auto& flag = mailbox_status(status_)->is_comm_buffer_valid;
  __atomic_store_n(&flag, std::uint8_t{1}, __ATOMIC_RELEASE);
  for (unsigned attempt = 0; attempt != attempts; ++attempt) {
    raise_mmi();
    for (unsigned poll = 0; poll != polls_per_attempt; ++poll) {
      if (__atomic_load_n(&flag, __ATOMIC_ACQUIRE) == 0) {
        return true;
      }
      wait_a_moment();
    }
  }
  return __atomic_exchange_n(&flag, std::uint8_t{0}, __ATOMIC_ACQ_REL) == 0;
}

abi::EfiStatus Mailbox::communicate(void* buffer, abi::UintN* size, HeaderRule rule) {
  if (buffer_ == nullptr) {
    return abi::status::not_started;
  }
  const std::uint64_t room = room_of(buffer, size);  // the check may write another size
  const MessageCheck check = check_message(buffer, size, rule, capacity_);
  if (check.status != abi::status::success) {
    refuse_known_message(buffer, std::min(room, capacity_), check.status);
    return check.status;
  }
  const InterruptsOff interrupts_off;
  if (busy_.test_and_set(std::memory_order_acquire)) {
    return buffer == buffer_ ? abi::status::not_ready
                             : answer_without_mm(buffer, check.message_size, 0, abi::status::not_ready);
  }
  abi::EfiStatus result = abi::status::not_ready;
  std::uint64_t bytes = 0;  // of MM's answer
  auto* status = mailbox_status(status_);
  if (__atomic_load_n(&status->is_comm_buffer_valid, __ATOMIC_ACQUIRE) == 0) {
    if (buffer != buffer_) {
      std::memmove(buffer_, buffer, check.message_size);
    }
    if (deliver()) {
      const std::uint64_t reply_size = read_once(status->return_buffer_size);
      bytes = std::min({reply_size, check.reply_capacity, capacity_});
      result = read_once(status->return_status);
      // MM writes behind the header, which is the caller's own: an answer without payload brings nothing back.
      if (buffer != buffer_ && bytes > sizeof(abi::CommunicateHeader)) {
        std::memmove(buffer, buffer_, bytes);
      }
      if (size != nullptr) {
        *size = bytes;
      }
      if (reply_size > check.reply_capacity && !abi::status::is_error(result)) {
        result = abi::status::buffer_too_small;
      }
    } else {
      result = abi::status::timeout;
    }
  }
  busy_.clear(std::memory_order_release);
  // The buffer itself is another caller's while it isn't ready.
  if (abi::status::is_error(result) && (buffer != buffer_ || result != abi::status::not_ready)) [[unlikely]] {
    return answer_without_mm(buffer, check.message_size, bytes, result);
  }
  return result;
}

}  // namespace redoubt::launch::dxe
