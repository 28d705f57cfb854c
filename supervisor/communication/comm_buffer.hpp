// SPDX-License-Identifier: BSD-2-Clause-Patent
// The way of one message: from the fixed communication buffer, which the host may rewrite at any time, into MMRAM
// before MM looks at it, and the reply's way back. Every byte outside is read at most once, the header first;
// sizes are decided on the copy alone. It knows nothing of handlers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/pi/communicate.hpp"

namespace redoubt::supervisor {

struct CapturedMessage {
  enum class Kind : std::uint8_t {
    none,      // the mailbox is empty
    message,   // captured, sizes right
    rejected,  // sizes wrong: already answered with bad_buffer_size and released
  };
  Kind kind = Kind::none;
  abi::Guid guid{};               // of the handler: HeaderGuid, or MessageGuid of a version 3 header
  std::uint64_t data_offset = 0;  // of the data in the copy: the header's size
  std::uint64_t data_size = 0;    // what a handler sees as its CommBufferSize
  std::uint64_t data_capacity = 0;
};

// What the caller is told.
struct CommReply {
  std::uint64_t status;  // an EFI_STATUS
  std::uint64_t bytes;
};

class CommBuffer {
 public:
  // `outside`: the real buffer, `copy`: its pages in MMRAM, zeroed, both `bytes` long; `status`: the real status page.
  void initialize(const std::byte* outside, std::byte* copy, std::uint64_t bytes,
                  volatile abi::CommBufferStatus* status);

  // Whether the mailbox is full: a look at its flag, which may change again. Decides nothing but whether to go on.
  bool message_waits() const { return status_->is_comm_buffer_valid != 0; }

  // Takes the message, if there is one. Version 1: data_size is MessageLength and the whole rest of the buffer is
  // capacity. Version 3: data_size and capacity are BufferSize less the header, as edk2's Standalone MM gives it to
  // handlers, and MessageSize must fit. What an earlier message left in the copy is cleared.
  CapturedMessage capture();

  // Answers the captured message and releases the mailbox. So many bytes of data go back, at most the capacity.
  void reply(const CapturedMessage& message, CommReply reply);

 private:
  void answer(CommReply reply);

  const std::byte* outside_ = nullptr;
  std::byte* copy_ = nullptr;
  std::uint64_t bytes_ = 0;
  volatile abi::CommBufferStatus* status_ = nullptr;
  std::uint64_t high_water_ = 0;  // bytes of the copy that may differ from zero
};

}  // namespace redoubt::supervisor
