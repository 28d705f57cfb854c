// SPDX-License-Identifier: BSD-2-Clause-Patent
// How a message gets to MM and back, for code that is tested without MM: a buffer to compose it in, one exchange.
#pragma once

#include "base/byte_reader.hpp"

namespace redoubt::launch {

class MessageChannel {
 public:
  struct Answer {
    std::uint64_t status;  // EFI_STATUS of 64-bit MM: of the delivery, not of what a handler writes into its message
    Bytes bytes;           // what counts of the buffer now; the host may write it, so each byte is read once
  };

  // Where the next message is written, whole, header first. Empty while another message is with MM.
  virtual MutableBytes buffer() = 0;
  // Hands the buffer to MM and waits for it. Error::device when MM doesn't answer, or with a length that cannot be.
  virtual Result<Answer> exchange() = 0;

 protected:
  ~MessageChannel() = default;
};

}  // namespace redoubt::launch
