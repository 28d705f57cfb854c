// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/variable_client.hpp"

#include <algorithm>
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/pi/variable_messages.hpp"
#include "launch/pei/communicate_repack.hpp"

namespace redoubt::launch {
namespace {

using namespace abi::variable_messages;
using abi::EfiStatus;
using abi::UintN;
namespace status = abi::status;

constexpr std::size_t payload_offset = sizeof(abi::CommunicateHeader) + sizeof(VariableMessageHeader);

constexpr EfiStatus native_status(std::uint64_t status_of_mm) {
  if constexpr (sizeof(EfiStatus) == sizeof(std::uint32_t)) {
    return status_from_mm(status_of_mm);
  } else {
    return static_cast<EfiStatus>(status_of_mm);
  }
}

// Bytes of a name, terminator included; 0 when it doesn't end within `most` bytes.
std::size_t name_bytes(const abi::Char16* name, std::size_t most) {
  const std::size_t units = most / sizeof(abi::Char16);
  for (std::size_t length = 0; length < units; ++length) {
    if (name[length] == 0) {
      return (length + 1) * sizeof(abi::Char16);
    }
  }
  return 0;
}

// A message under way: the fixed part of its payload, then bytes of the caller's.
template <typename Fixed>
class Message {
 public:
  explicit Message(MessageChannel& channel) : channel_(channel), buffer_(channel.buffer()) {}

  bool is_ready() const { return buffer_.size() >= tail_offset; }
  // Bytes that fit behind the fixed part.
  std::size_t room() const { return buffer_.size() - tail_offset; }

  // Copies `size` bytes of the caller's to `offset` of what follows the fixed part.
  void put(std::size_t offset, const void* bytes, std::size_t size) {
    if (size != 0) {
      std::memcpy(buffer_.data() + tail_offset + offset, bytes, size);
    }
  }

  // Sends the message with `tail` bytes behind the fixed part and returns the service's status. With `success` and
  // `buffer_too_small` the whole message came back: fixed() and answer() say what is in it.
  EfiStatus send(VariableFunction function, const Fixed& fixed, std::size_t tail) {
    const abi::CommunicateHeader header{.header_guid = abi::smm_variable_guid,
                                        .message_length = tail_offset - sizeof(header) + tail};
    const VariableMessageHeader service{.function = static_cast<std::uint64_t>(function), .return_status = unanswered};
    std::memcpy(buffer_.data(), &header, sizeof(header));
    std::memcpy(buffer_.data() + sizeof(header), &service, sizeof(service));
    std::memcpy(buffer_.data() + payload_offset, &fixed, sizeof(fixed));
    const auto answer = channel_.exchange();
    if (!answer) {
      return status::device_error;
    }
    const EfiStatus delivered = native_status(answer->status);
    if (status::is_error(delivered)) {
      return delivered;
    }
    answer_ = answer->bytes;
    const auto answered_header = read_at<VariableMessageHeader>(answer_, sizeof(header));
    const auto answered_fixed = read_at<Fixed>(answer_, payload_offset);
    if (!answered_header || !answered_fixed || answered_header->return_status == unanswered) {
      return status::device_error;
    }
    fixed_ = *answered_fixed;
    return native_status(answered_header->return_status);
  }

  const Fixed& fixed() const { return fixed_; }

  // Copies `size` bytes from `offset` behind the fixed part to the caller. False when the answer doesn't hold them.
  bool take(std::size_t offset, std::uint64_t size, void* bytes) const {
    const auto answered = slice(answer_, tail_offset + offset, size);
    if (!answered) {
      return false;
    }
    if (bytes == nullptr) {
      return answered->empty();
    }
    if (!answered->empty()) {
      std::memcpy(bytes, answered->data(), answered->size());
    }
    return true;
  }

 private:
  static constexpr std::size_t tail_offset = payload_offset + sizeof(Fixed);
  static constexpr std::uint64_t unanswered = ~std::uint64_t{0};

  MessageChannel& channel_;
  MutableBytes buffer_;
  Bytes answer_;
  Fixed fixed_{};
};

}  // namespace

bool VariableClient::is_answered() {
  Message<PayloadSize> message(channel_);
  return message.is_ready() && message.send(VariableFunction::get_payload_size, {}, 0) == status::success;
}

EfiStatus VariableClient::get(const abi::Char16* name, const abi::Guid* vendor, std::uint32_t* attributes, UintN* size,
                              void* data) {
  if (name == nullptr || vendor == nullptr || size == nullptr) {
    return status::invalid_parameter;
  }
  Message<AccessVariable> message(channel_);
  if (!message.is_ready()) {
    return status::not_ready;
  }
  const std::size_t name_size = name_bytes(name, message.room());
  if (name_size <= sizeof(abi::Char16)) {
    return status::not_found;
  }
  const std::size_t room = data == nullptr ? 0 : std::min<std::size_t>(*size, message.room() - name_size);
  message.put(0, name, name_size);
  const EfiStatus result =
      message.send(VariableFunction::get_variable,
                   {.vendor = *vendor, .data_size = room, .name_size = name_size, .attributes = 0}, name_size + room);
  if (result != status::success && result != status::buffer_too_small) {
    return result;
  }
  const std::uint64_t found = message.fixed().data_size;
  if (result == status::success ? found > room : found <= room || found > UINT32_MAX) {
    return status::device_error;
  }
  // A variable that the caller says to have room for, without saying where; or room that no message can fill.
  if (result == status::buffer_too_small && found <= *size) {
    return data == nullptr ? status::invalid_parameter : status::device_error;
  }
  if (result == status::success && !message.take(name_size, found, data)) {
    return status::device_error;
  }
  *size = static_cast<UintN>(found);
  if (attributes != nullptr) {
    *attributes = message.fixed().attributes;
  }
  return result;
}

EfiStatus VariableClient::get_next(UintN* name_size, abi::Char16* name, abi::Guid* vendor) {
  if (name_size == nullptr || name == nullptr || vendor == nullptr) {
    return status::invalid_parameter;
  }
  Message<NamedVariable> message(channel_);
  if (!message.is_ready()) {
    return status::not_ready;
  }
  const std::size_t room = std::min<std::size_t>(*name_size, message.room());
  const std::size_t last_size = name_bytes(name, room);
  if (last_size == 0) {
    return status::invalid_parameter;
  }
  message.put(0, name, last_size);
  const EfiStatus result =
      message.send(VariableFunction::get_next_variable_name, {.vendor = *vendor, .name_size = room}, room);
  if (result != status::success && result != status::buffer_too_small) {
    return result;
  }
  const std::uint64_t found = message.fixed().name_size;
  if (result == status::success ? found > room : found <= room || found > UINT32_MAX) {
    return status::device_error;
  }
  if (result == status::success) {
    if (!message.take(0, found, name)) {
      return status::device_error;
    }
    *vendor = message.fixed().vendor;
  }
  *name_size = static_cast<UintN>(found);
  return result;
}

EfiStatus VariableClient::set(const abi::Char16* name, const abi::Guid* vendor, std::uint32_t attributes, UintN size,
                              const void* data) {
  if (name == nullptr || vendor == nullptr || (data == nullptr && size != 0)) {
    return status::invalid_parameter;
  }
  Message<AccessVariable> message(channel_);
  if (!message.is_ready()) {
    return status::not_ready;
  }
  const std::size_t name_size = name_bytes(name, message.room());
  if (name_size <= sizeof(abi::Char16) || size > message.room() - name_size) {
    return status::invalid_parameter;
  }
  message.put(0, name, name_size);
  message.put(name_size, data, size);
  return message.send(VariableFunction::set_variable,
                      {.vendor = *vendor, .data_size = size, .name_size = name_size, .attributes = attributes},
                      name_size + size);
}

EfiStatus VariableClient::query(std::uint32_t attributes, std::uint64_t* maximum_storage_size,
                                std::uint64_t* remaining_storage_size, std::uint64_t* maximum_variable_size) {
  if (maximum_storage_size == nullptr || remaining_storage_size == nullptr || maximum_variable_size == nullptr) {
    return status::invalid_parameter;
  }
  Message<QueryVariableInfo> message(channel_);
  if (!message.is_ready()) {
    return status::not_ready;
  }
  QueryVariableInfo question{};
  question.attributes = attributes;
  const EfiStatus result = message.send(VariableFunction::query_variable_info, question, 0);
  if (result == status::success) {
    *maximum_storage_size = message.fixed().maximum_storage_size;
    *remaining_storage_size = message.fixed().remaining_storage_size;
    *maximum_variable_size = message.fixed().maximum_variable_size;
  }
  return result;
}

}  // namespace redoubt::launch
