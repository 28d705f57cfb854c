// SPDX-License-Identifier: BSD-2-Clause-Patent
// See failing_protocol.hpp. REDOUBT_FAILS: 0 at a message, 1 by a fault in its entry point, 2 by an error from it.
#include "tests/guest/drivers/failing/failing_protocol.hpp"

#include "sdk/mm_driver.hpp"

namespace redoubt::failing {
namespace {

EFIAPI abi::EfiStatus fail(abi::Handle, const void*, void*, abi::UintN*) { __builtin_trap(); }

}  // namespace
}  // namespace redoubt::failing

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
  using namespace redoubt;
  if (REDOUBT_FAILS == 1) __builtin_trap();
  if (REDOUBT_FAILS == 2) return abi::status::device_error;
  abi::Handle handle = nullptr;
  return mmst->mmi_handler_register(failing::fail, &failing::handler_guid, &handle);
}
