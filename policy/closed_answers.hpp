// SPDX-License-Identifier: BSD-2-Clause-Patent
// What goes back for a message that no handler answers: the driver was stopped, was never there, or all of MM is at an
// end. Stock callers have to find it where they look: VariableSmmRuntimeDxe ignores what Communicate() returns and
// reads the status in its own buffer, where 0 stands. And they have to be held up by it: image verification
// (DxeImageVerificationLib) starts whatever it is given if SecureBoot can't be read, and takes EFI_NOT_FOUND for a
// database without entries. So Secure Boot is on, nothing else can be read, and nothing is merely absent.
//
// Pure: the foundation asks for drivers, the supervisor for the foundation, the DXE driver for MM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "abi/pi/lock_box_messages.hpp"
#include "abi/pi/variable_messages.hpp"
#include "abi/redoubt/closed_question.hpp"
#include "abi/uefi/service_types.hpp"
#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::policy {

// Messages whose callers find a status in the payload.
enum class ClosedMessage : std::uint8_t { unknown, variable, variable_policy, lock_box };
inline constexpr std::size_t closed_message_count = 4;

constexpr ClosedMessage closed_message(const abi::Guid& handler) {
  namespace messages = abi::variable_messages;
  if (handler == abi::smm_variable_guid) return ClosedMessage::variable;
  if (handler == messages::policy_message_guid) return ClosedMessage::variable_policy;
  if (handler == abi::lock_box_message_guid) return ClosedMessage::lock_box;
  return ClosedMessage::unknown;
}

// The messages whose driver alone may produce a protocol: MM drivers believe the protocol as senders believe the
// messages. unknown: any driver may.
constexpr ClosedMessage closed_protocol(const abi::Guid& protocol) {
  namespace messages = abi::variable_messages;
  const bool is_variables = protocol == abi::smm_variable_guid || protocol == abi::smm_variable_write_guid;
  return is_variables ? ClosedMessage::variable : ClosedMessage::unknown;
}

using abi::ClosedQuestion;

namespace closed {

inline constexpr char16_t secure_boot_name[] = u"SecureBoot";
inline constexpr char16_t setup_mode_name[] = u"SetupMode";
inline constexpr std::uint32_t boot_and_runtime_access = 0x06;
// What may follow a VariableMessageHeader. The stock driver makes its buffer of that size and relies on it; no variable
// goes through it any more.
inline constexpr std::uint64_t payload_size = 0x9000;
inline constexpr std::size_t access_offset = sizeof(abi::variable_messages::VariableMessageHeader);
inline constexpr std::size_t name_offset = access_offset + sizeof(abi::variable_messages::AccessVariable);

template <typename T>
T load(const std::byte* bytes) {
  T value;
  __builtin_memcpy(&value, bytes, sizeof(T));
  return value;
}

}  // namespace closed

// Whether closed_question() may find something. Each message pays for this, so it takes a few instructions.
inline bool may_ask_closed_question(Bytes payload) {
  namespace messages = abi::variable_messages;
  using Function = messages::VariableFunction;
  constexpr std::size_t name_size_offset = closed::access_offset + offsetof(messages::AccessVariable, name_size);
  if (payload.size() < sizeof(messages::VariableMessageHeader) + sizeof(messages::PayloadSize)) return false;
  const auto function = static_cast<Function>(closed::load<std::uint64_t>(payload.data()));
  if (function != Function::get_variable) return function == Function::get_payload_size;
  return payload.size() >= closed::name_offset &&
         closed::load<std::uint64_t>(payload.data() + name_size_offset) - sizeof(closed::setup_mode_name) <=
             sizeof(closed::secure_boot_name) - sizeof(closed::setup_mode_name);
}

// The question of a message to the variable driver for which may_ask_closed_question() holds.
[[gnu::noinline]] inline ClosedQuestion likely_closed_question(Bytes payload) {
  namespace messages = abi::variable_messages;
  const auto function = static_cast<messages::VariableFunction>(closed::load<std::uint64_t>(payload.data()));
  if (function == messages::VariableFunction::get_payload_size) return {ClosedQuestion::Kind::payload_size, 0};
  const std::byte* access = payload.data() + closed::access_offset;
  const auto name_size = closed::load<std::uint64_t>(access + offsetof(messages::AccessVariable, name_size));
  const bool may_be_secure_boot = name_size == sizeof(closed::secure_boot_name);
  if (!may_be_secure_boot && name_size != sizeof(closed::setup_mode_name)) return {};
  const void* name = may_be_secure_boot ? closed::secure_boot_name : closed::setup_mode_name;
  if (payload.size() - closed::name_offset < name_size ||
      std::memcmp(payload.data() + closed::name_offset, name, static_cast<std::size_t>(name_size)) != 0 ||
      closed::load<abi::Guid>(access) != abi::global_variable_guid) {
    return {};
  }
  return {may_be_secure_boot ? ClosedQuestion::Kind::secure_boot : ClosedQuestion::Kind::setup_mode,
          closed::load<std::uint64_t>(access + offsetof(messages::AccessVariable, data_size)) != 0 ? 1U : 0U};
}

// The question of a message with this handler and payload. Only messages to the variable driver ask one.
[[gnu::always_inline]] inline ClosedQuestion closed_question(const abi::Guid& handler, Bytes payload) {
  if (handler != abi::smm_variable_guid || !may_ask_closed_question(payload)) [[likely]]
    return {};
  return likely_closed_question(payload);
}

// Where the sender of a message that is known here looks for its status.
struct StatusPlace {
  std::size_t offset = 0;       // in the payload
  std::size_t header_size = 0;  // bytes that hold it; 0 = such messages have none
};

constexpr StatusPlace status_place(ClosedMessage message) {
  namespace messages = abi::variable_messages;
  switch (message) {
    case ClosedMessage::unknown: break;
    case ClosedMessage::variable:
      return {offsetof(messages::VariableMessageHeader, return_status), sizeof(messages::VariableMessageHeader)};
    case ClosedMessage::variable_policy:
      return {offsetof(messages::PolicyMessageHeader, result), sizeof(messages::PolicyMessageHeader)};
    case ClosedMessage::lock_box:
      return {offsetof(abi::LockBoxMessageHeader, return_status), sizeof(abi::LockBoxMessageHeader)};
  }
  return {};
}

// Before a handler gets a message that is known here: writes an error where its sender looks, in case the handler says
// that it answered and wrote nothing. Returns whether there is room for it.
inline bool expect_answer(ClosedMessage message, MutableBytes payload) {
  const StatusPlace place = status_place(message);
  if (payload.size() < place.header_size) return false;
  constexpr abi::EfiStatus unanswered = abi::status::device_error;
  __builtin_memcpy(payload.data() + place.offset, &unanswered, sizeof(unanswered));
  return true;
}

struct ClosedReply {
  abi::EfiStatus status;  // what Communicate() returns
  std::uint64_t size;     // bytes of the payload that go back
};

// Answers a message that isn't known here, as answer_closed() does.
inline ClosedReply answer_unknown(abi::EfiStatus failure, MutableBytes payload) {
  if (failure == abi::status::not_ready || failure == abi::status::timeout) return {failure, 0};
  if (!payload.empty()) std::memset(payload.data(), 0xFF, payload.size());
  return {failure, payload.size()};
}

// Answers a message in its payload. `failure`: the error that it ends with. A caller that sends the same buffer again
// after EFI_NOT_READY or EFI_TIMEOUT finds the payload of a message that isn't known here as it was.
inline ClosedReply answer_closed(ClosedMessage message, const ClosedQuestion& question, abi::EfiStatus failure,
                                 MutableBytes payload) {
  namespace messages = abi::variable_messages;
  namespace status = abi::status;
  static_assert(sizeof(abi::EfiStatus) == sizeof(messages::VariableMessageHeader::return_status));
  using Kind = ClosedQuestion::Kind;

  const auto put = [&payload]<typename T>(std::size_t offset, const T& value) {
    __builtin_memcpy(payload.data() + offset, &value, sizeof(value));
  };
  // "Not found" would be taken for "there is none".
  const bool is_named = status::is_error(failure) && failure != status::not_found;
  const abi::EfiStatus error = is_named ? failure : status::device_error;
  const auto [status_offset, header_size] = status_place(message);
  const auto give_error = [&, status_offset, header_size]() -> ClosedReply {
    put(status_offset, error);
    return {status::success, header_size};
  };
  if (message != ClosedMessage::unknown && payload.size() >= header_size) {
    if (message != ClosedMessage::variable || question.kind == Kind::other) return give_error();
    if (question.kind == Kind::payload_size) {
      const std::size_t size = header_size + sizeof(messages::PayloadSize);
      if (payload.size() < size) return give_error();
      put(header_size, closed::payload_size);
      put(status_offset, status::success);
      return {status::success, size};
    }
    const bool secure_boot = question.kind == Kind::secure_boot;
    const std::size_t data_offset =
        closed::name_offset + (secure_boot ? sizeof(closed::secure_boot_name) : sizeof(closed::setup_mode_name));
    if (payload.size() < data_offset) return give_error();
    constexpr std::uint64_t value_size = 1;
    put(closed::access_offset + offsetof(messages::AccessVariable, data_size), value_size);
    put(closed::access_offset + offsetof(messages::AccessVariable, attributes), closed::boot_and_runtime_access);
    if (question.has_room == 0 || payload.size() == data_offset) {
      put(status_offset, status::buffer_too_small);
      return {status::success, data_offset};
    }
    payload[data_offset] = std::byte{secure_boot};
    put(status_offset, status::success);
    return {status::success, data_offset + value_size};
  }
  if (message == ClosedMessage::unknown) return answer_unknown(failure, payload);
  if (!payload.empty()) std::memset(payload.data(), 0xFF, payload.size());
  return {failure, payload.size()};
}

}  // namespace redoubt::policy
