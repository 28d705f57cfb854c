// SPDX-License-Identifier: BSD-2-Clause-Patent
// A driver that installs one protocol, for tests of the order in which drivers start. Which protocol it is is patched
// into the image: tests/boot/driver_files.cpp makes as many drivers of it as a test needs.
#include "sdk/mm_driver.hpp"
#include "tests/guest/drivers/order/order_protocol.hpp"

namespace {

// Volatile, so that the compiler doesn't take the marker for what it will be.
const volatile redoubt::abi::Guid protocol = redoubt::order::marker;

}  // namespace

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
  redoubt::abi::Guid guid{};
  const auto* from = reinterpret_cast<const volatile unsigned char*>(&protocol);
  auto* to = reinterpret_cast<unsigned char*>(&guid);
  for (redoubt::abi::UintN i = 0; i < sizeof(guid); ++i) to[i] = from[i];
  redoubt::abi::Handle handle = nullptr;
  return mmst->install_protocol_interface(&handle, &guid, redoubt::abi::native_interface, nullptr);
}
