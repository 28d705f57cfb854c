// SPDX-License-Identifier: BSD-2-Clause-Patent
// The interfaces of the child dispatch protocols over one dispatcher. Sources that QEMU's ICH9 doesn't raise MMIs for
// have their protocol, too, so that drivers which depend on it run: its registration function answers with the error
// that the specification has for the case. Callers are drivers in the domain of this one: NULL is looked at, no more.
#pragma once

#include "abi/pi/mm_child_dispatch.hpp"
#include "drivers/child_dispatch/dispatcher.hpp"

namespace redoubt::child_dispatch {

struct Interface {
  const abi::Guid* protocol;
  void* interface;
};

inline constexpr std::size_t interface_count = 10;

// All interfaces, the device path of the ICH9's LPC bridge included (PI 1.9, volume 4, 7.1 wants it on the same
// handle). They lead to `dispatcher` from now on; it must stay.
std::array<Interface, interface_count> interfaces(Dispatcher& dispatcher);

}  // namespace redoubt::child_dispatch
