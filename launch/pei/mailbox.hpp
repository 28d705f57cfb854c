// SPDX-License-Identifier: BSD-2-Clause-Patent
// The communication buffer and its status page, as PEI uses them. One message at a time: is_comm_buffer_valid is the
// mailbox's lock, set here and cleared by MM when the answer is complete.
#pragma once

#include "abi/pi/communicate.hpp"
#include "launch/pei/message_channel.hpp"

namespace redoubt::launch {

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
