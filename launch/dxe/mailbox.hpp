// SPDX-License-Identifier: BSD-2-Clause-Patent
// The fixed communication buffer and its status page, seen from outside MM: copy the message in, set the flag, raise
// the MMI, wait for MM to clear the flag, copy the reply out. The pages are RAM that all of the host may write, so
// nothing found there is taken as a size without a bound of the caller's own.
//
// At run time the object lives in the driver's data, with addresses that SetVirtualAddressMap() converted.
#pragma once

#include <atomic>
#include <cstdint>

#include "abi/pi/communicate.hpp"
#include "abi/uefi/types.hpp"
#include "launch/dxe/message_check.hpp"

namespace redoubt::launch::dxe {

class Mailbox {
 public:
  constexpr Mailbox() = default;

  // Says where the buffer is. False when the description cannot be right: no pages, an address of 0 or not aligned,
  // a size that wraps. Then the mailbox stays closed.
  bool open(const abi::CommBufferDescription& description);

  // One message and its reply, as EFI_MM_COMMUNICATION*_PROTOCOL.Communicate() has it. `buffer` is the caller's, at
  // its current virtual address; it may be the communication buffer itself. Beyond the results of check_message():
  //   EFI_NOT_READY         another message is on its way, the caller may try again
  //   EFI_TIMEOUT           MM did not answer; the message was taken back
  //   EFI_BUFFER_TOO_SMALL  MM succeeded, but its reply was longer than the caller's buffer and is cut off
  //   anything else         MM's own status
  // Where nothing came back, the payload is what policy::answer_closed() makes of it: an error is also where senders of
  // known messages look, and for some of those the result is EFI_SUCCESS.
  // When MM answered, *size becomes the number of bytes in the caller's buffer, header included.
  abi::EfiStatus communicate(void* buffer, abi::UintN* size, HeaderRule rule);

  // The addresses that SetVirtualAddressMap() has to convert.
  void** buffer_address() { return &buffer_; }
  void** status_address() { return &status_; }

 private:
  bool deliver();

  void* buffer_ = nullptr;
  void* status_ = nullptr;  // of a CommBufferStatus
  std::uint64_t capacity_ = 0;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;  // a CPU is between its first write and its last read
};

}  // namespace redoubt::launch::dxe
