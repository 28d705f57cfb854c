// SPDX-License-Identifier: BSD-2-Clause-Patent
// Drivers whose dependency expressions are under test: each appends its number to a list when it is started, and
// installs a protocol that others may depend on. The first of them to start makes the list and offers it as a protocol.
// What each depends on stands in ordered_files.cpp.
#pragma once

#include <cstdint>

#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::conformance {

enum Ordered : unsigned {
  ordered_push,       // another's protocol
  ordered_true,       // TRUE; the one that most others depend on
  ordered_and,        // two protocols
  ordered_or,         // one that is there, one that isn't
  ordered_not,        // one that isn't there
  ordered_false,      // FALSE
  ordered_absent,     // a protocol that no driver installs
  ordered_before,     // BEFORE ordered_true
  ordered_after,      // AFTER ordered_true
  ordered_no_depex,   // no dependency section
  ordered_malformed,  // an opcode that there isn't
  ordered_underflow,  // AND without operands
  ordered_count,
};

struct OrderList {
  std::uint32_t count;
  std::uint32_t numbers[32];
};

inline constexpr abi::Guid order_list_guid = {
    0x2c9d7e51, 0xC0F4, 0x4E57, {0x8A, 0x11, 0x6f, 0x72, 0x64, 0x65, 0x72, 0}};
constexpr abi::Guid ordered_protocol_guid(unsigned number) {
  return {number, 0xC0F5, 0x4E57, {0x8A, 0x11, 0x6f, 0x72, 0x64, 0x65, 0x72, 1}};
}
// The name of the driver's file.
constexpr abi::Guid ordered_file_guid(unsigned number) {
  return {number, 0xC0F6, 0x4E57, {0x8A, 0x11, 0x6f, 0x72, 0x64, 0x65, 0x72, 2}};
}

template <unsigned number>
abi::EfiStatus start_ordered(abi::MmSystemTable* mmst) {
  static constinit std::uint64_t interface = number;
  static constexpr abi::Guid guid = ordered_protocol_guid(number);
  void* found = nullptr;
  if (mmst->locate_protocol(&order_list_guid, nullptr, &found) != abi::status::success) {
    const abi::EfiStatus allocated = mmst->allocate_pool(abi::runtime_services_data, sizeof(OrderList), &found);
    if (abi::status::is_error(allocated)) return allocated;
    *static_cast<OrderList*>(found) = {};
    abi::Handle handle = nullptr;
    const abi::EfiStatus installed =
        mmst->install_protocol_interface(&handle, &order_list_guid, abi::native_interface, found);
    if (abi::status::is_error(installed)) return installed;
  }
  auto* list = static_cast<OrderList*>(found);
  if (list->count == sizeof(list->numbers) / sizeof(list->numbers[0])) return abi::status::out_of_resources;
  list->numbers[list->count++] = number;
  abi::Handle handle = nullptr;
  return mmst->install_protocol_interface(&handle, &guid, abi::native_interface, &interface);
}

}  // namespace redoubt::conformance
