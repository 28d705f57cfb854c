// SPDX-License-Identifier: BSD-2-Clause-Patent
// The communication buffer and its status page, as PEI uses them. One message at a time: is_comm_buffer_valid is the
// mailbox's lock, set here and cleared by MM when the answer is complete.
#pragma once

#include "abi/pi/communicate.hpp"
#include "launch/pei/message_channel.hpp"

namespace redoubt::launch {

// A message in `buffer`, and its answer. `raise` raises the MMI; `wait` waits for the condition that it is given, no
// longer than MM may take, and returns what that returned last. A message that MM didn't take in time is taken back: it
// must neither stand in the next one's way nor be served when its sender has given up. MM runs with this CPU held, so
// that a flag that is clear here means that MM won't see the message any more.
template <typename Raise, typename Wait>
Result<MessageChannel::Answer> exchange_by(volatile abi::CommBufferStatus& status, Bytes buffer, Raise raise,
                                           Wait wait) {
  status.is_comm_buffer_valid = 1;
  raise();
  if (!wait([&status] { return status.is_comm_buffer_valid == 0; }) &&
      __atomic_exchange_n(&status.is_comm_buffer_valid, std::uint8_t{0}, __ATOMIC_ACQ_REL) != 0) {
    return std::unexpected(Error::device);
  }
  const std::uint64_t size = status.return_buffer_size;
  if (size > buffer.size()) {
    return std::unexpected(Error::device);
  }
  return MessageChannel::Answer{.status = status.return_status, .bytes = buffer.first(static_cast<std::size_t>(size))};
}

class Mailbox final : public MessageChannel {
 public:
  // Nothing is sent before. MM must have been launched with the same description.
  void open(const abi::CommBufferDescription& description);

  MutableBytes buffer() override;
  Result<Answer> exchange() override;

 private:
  MutableBytes buffer_;
  volatile abi::CommBufferStatus* status_ = nullptr;
};

// PEI's one and only: a PEIM has nowhere else to keep what its PPIs need, and PEI runs it from memory by the time it
// gets here.
Mailbox& mailbox();

}  // namespace redoubt::launch
