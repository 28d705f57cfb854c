// SPDX-License-Identifier: BSD-2-Clause-Patent
// Drivers that register a wrong function once they are told to, and have it called: each is retired for it, so there
// is one for each test. The tests are in pointer_tests.cpp; on the host all victims are in one program.
#pragma once

#include <cstdint>
#include <cstring>

#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::conformance {

inline constexpr unsigned victim_count = 11;

enum class VictimCommand : std::uint64_t {
  handler,  // registers `function` as an MMI handler and raises that MMI
  notify,   // registers `function` as a notification and installs that protocol
};

struct VictimMessage {
  VictimCommand command;
  std::uint64_t function;
};

// The handler of the victim with this number.
constexpr abi::Guid victim_handler_guid(unsigned number) {
  return {number, 0xC0F1, 0x4E57, {0x8A, 0x11, 0x76, 0x69, 0x63, 0x74, 0x69, 0x6d}};
}

// What the victim registers its wrong function for.
constexpr abi::Guid victim_guid(unsigned number) {
  return {number, 0xC0F2, 0x4E57, {0x8A, 0x11, 0x76, 0x69, 0x63, 0x74, 0x69, 0x6d}};
}

template <unsigned number>
class Victim {
 public:
  static abi::EfiStatus start(abi::MmSystemTable* mmst) {
    table_ = mmst;
    static constexpr abi::Guid guid = victim_handler_guid(number);
    abi::Handle handle = nullptr;
    return mmst->mmi_handler_register(handle_message, &guid, &handle);
  }

 private:
  EFIAPI static abi::EfiStatus handle_message(abi::Handle, const void*, void* buffer, abi::UintN* size) {
    if (buffer == nullptr || size == nullptr || *size < sizeof(VictimMessage)) return abi::status::success;
    VictimMessage message;
    std::memcpy(&message, buffer, sizeof(message));
    static constexpr abi::Guid guid = victim_guid(number);
    const auto function = static_cast<std::uintptr_t>(message.function);
    abi::Handle handle = nullptr;
    if (message.command == VictimCommand::handler) {
      const abi::EfiStatus registered =
          table_->mmi_handler_register(reinterpret_cast<abi::MmiHandler>(function), &guid, &handle);
      if (abi::status::is_error(registered)) return registered;
      table_->mmi_manage(&guid, nullptr, nullptr, nullptr);
    } else {
      void* registration = nullptr;
      const abi::EfiStatus registered =
          table_->register_protocol_notify(&guid, reinterpret_cast<abi::MmNotifyFunction>(function), &registration);
      if (abi::status::is_error(registered)) return registered;
      table_->install_protocol_interface(&handle, &guid, abi::native_interface, nullptr);
    }
    return abi::status::success;
  }

  static constinit inline abi::MmSystemTable* table_ = nullptr;
};

}  // namespace redoubt::conformance
