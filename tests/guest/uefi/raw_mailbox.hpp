// SPDX-License-Identifier: BSD-2-Clause-Patent
// The communication buffer without the driver in front of it: what an attacker in the OS has. It writes any header,
// sets the flag, raises the MMI and looks. Nothing is checked on the way in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "abi/pi/communicate.hpp"
#include "abi/uefi/system_table.hpp"

namespace redoubt::guest {

class RawMailbox {
 public:
  // The mailbox that the HOB list names; none on an image without Standalone MM.
  static std::optional<RawMailbox> find(const abi::SystemTable& system_table);
  // The same from the list itself; null is one without HOBs.
  static std::optional<RawMailbox> find_in(const void* hob_list);

  std::byte* buffer() const { return buffer_; }
  std::uint64_t capacity() const { return capacity_; }

  // Copies `size` bytes of a message to the start of the buffer.
  void put(const void* message, std::size_t size) const;
  template <typename Message>
  void put(const Message& message) const {
    put(&message, sizeof(message));
  }
  template <typename Message>
  Message get() const {
    Message message;
    __builtin_memcpy(&message, buffer_, sizeof(message));
    return message;
  }

  struct Answer {
    abi::EfiStatus status;
    std::uint64_t size;
  };
  // Sends what lies in the buffer. None: MM did not clear the flag for a long time; the flag is cleared here then, so
  // that the next message has a chance.
  // `raise` raises the MMI.
  std::optional<Answer> send(void (*raise)()) const;
  std::optional<Answer> send() const;

  // Whether the variable driver answers: the proof that MM still works.
  bool alive() const;

 private:
  RawMailbox(const abi::CommBufferDescription& description);

  std::byte* buffer_;
  std::uint64_t capacity_;
  abi::CommBufferStatus* status_;
};

// A software MMI and some instructions for it to happen in.
void raise_mmi();
// With values of the command and the data port.
void raise_mmi(std::uint8_t command, std::uint8_t data);

}  // namespace redoubt::guest
