// SPDX-License-Identifier: BSD-2-Clause-Patent
// MMI handlers and notification functions whose bodies a test sets. A driver's function has no context of its own that
// a test could choose, so each is a function of its own, by number.
#pragma once

#include <array>
#include <functional>
#include <utility>

#include "abi/pi/mm_system_table.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation::testing {

struct HandlerCall {
  abi::Handle dispatch_handle;
  const void* context;
  std::byte* buffer;
  abi::UintN* size;
};
using HandlerBody = std::function<abi::EfiStatus(const HandlerCall&)>;
using NotifyBody = std::function<void(const abi::Guid&, std::uint64_t interface, abi::Handle)>;

inline constexpr std::size_t function_count = 16;
inline std::array<HandlerBody, function_count> handler_bodies;
inline std::array<NotifyBody, function_count> notify_bodies;

template <std::size_t number>
EFIAPI abi::EfiStatus handler_function(abi::Handle handle, const void* context, void* buffer, abi::UintN* size) {
  return handler_bodies[number] ? handler_bodies[number]({handle, context, static_cast<std::byte*>(buffer), size})
                                : abi::status::success;
}

template <std::size_t number>
EFIAPI abi::EfiStatus notify_function(const abi::Guid* protocol, void* interface, abi::Handle handle) {
  if (notify_bodies[number]) notify_bodies[number](*protocol, address_of(interface), handle);
  return abi::status::success;
}

template <std::size_t... numbers>
constexpr auto make_handlers(std::index_sequence<numbers...>) {
  return std::array<abi::MmiHandler, sizeof...(numbers)>{&handler_function<numbers>...};
}
template <std::size_t... numbers>
constexpr auto make_notifies(std::index_sequence<numbers...>) {
  return std::array<abi::MmNotifyFunction, sizeof...(numbers)>{&notify_function<numbers>...};
}
inline constexpr auto handlers = make_handlers(std::make_index_sequence<function_count>());
inline constexpr auto notifies = make_notifies(std::make_index_sequence<function_count>());

inline void clear_functions() {
  handler_bodies = {};
  notify_bodies = {};
}

}  // namespace redoubt::foundation::testing
