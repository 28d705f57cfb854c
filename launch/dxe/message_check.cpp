// SPDX-License-Identifier: BSD-2-Clause-Patent
// Every comparison subtracts a header size from a bound that is known to be larger, so that no caller's number is ever
// an operand of a sum.
#include "launch/dxe/message_check.hpp"

#include "abi/pi/communicate.hpp"

namespace redoubt::launch::dxe {

namespace {

using abi::CommunicateHeader;
using abi::CommunicateHeaderV3;

constexpr std::uint64_t header_bytes = sizeof(CommunicateHeader);
constexpr std::uint64_t header_v3_bytes = sizeof(CommunicateHeaderV3);

MessageCheck refuse(abi::EfiStatus status) { return {status, 0, 0}; }

// The caller's buffer has no particular alignment, hence the copies.
template <typename T>
T load(const void* buffer, std::size_t offset) {
  T value;
  __builtin_memcpy(&value, static_cast<const std::byte*>(buffer) + offset, sizeof(T));
  return value;
}

MessageCheck refuse_size(void* buffer, std::size_t length_offset, std::uint64_t limit, abi::UintN* size,
                         std::uint64_t capacity) {
  __builtin_memcpy(static_cast<std::byte*>(buffer) + length_offset, &limit, sizeof(limit));
  if (size != nullptr) {
    *size = capacity;
  }
  return refuse(abi::status::bad_buffer_size);
}

MessageCheck check_version_3(void* buffer, abi::UintN* size, std::uint64_t room, std::uint64_t capacity) {
  if (room < header_v3_bytes) {
    return refuse(abi::status::invalid_parameter);
  }
  const auto header = load<CommunicateHeaderV3>(buffer, 0);
  if (header.buffer_size < header_v3_bytes || header.message_size > header.buffer_size - header_v3_bytes) {
    return refuse(abi::status::invalid_parameter);
  }
  if (header.buffer_size > capacity || (size == nullptr && header.message_size == 0)) {
    return refuse_size(buffer, offsetof(CommunicateHeaderV3, message_size), capacity - header_v3_bytes, size, capacity);
  }
  if (room < header.buffer_size) {
    return refuse(abi::status::invalid_parameter);
  }
  return {abi::status::success, header.buffer_size, size != nullptr ? room : header.buffer_size};
}

MessageCheck check_version_1(void* buffer, abi::UintN* size, std::uint64_t room, std::uint64_t capacity) {
  const auto length = load<std::uint64_t>(buffer, offsetof(CommunicateHeader, message_length));
  if (length > capacity - header_bytes || (size == nullptr && length == 0)) {
    return refuse_size(buffer, offsetof(CommunicateHeader, message_length), capacity - header_bytes, size, capacity);
  }
  if (room - header_bytes < length) {
    return refuse(abi::status::invalid_parameter);
  }
  return {abi::status::success, header_bytes + length, size != nullptr ? room : header_bytes + length};
}

}  // namespace

MessageCheck check_message(void* buffer, abi::UintN* size, HeaderRule rule, std::uint64_t capacity) {
  if (buffer == nullptr) {
    return refuse(abi::status::invalid_parameter);
  }
  std::uint64_t room = ~std::uint64_t{0};  // without a size the header alone says how large the buffer is
  if (size != nullptr) {
    room = *size;
    if (room == 0) {
      *size = capacity;
      return refuse(abi::status::bad_buffer_size);
    }
    if (room < header_bytes) {
      return refuse(abi::status::invalid_parameter);
    }
  }
  if (load<abi::Guid>(buffer, 0) == abi::communicate_header_v3_guid) {
    return check_version_3(buffer, size, room, capacity);
  }
  if (rule == HeaderRule::version_3) {
    return refuse(abi::status::invalid_parameter);
  }
  return check_version_1(buffer, size, room, capacity);
}

}  // namespace redoubt::launch::dxe
