// SPDX-License-Identifier: BSD-2-Clause-Patent
// Device registers in memory, on a driver's behalf: the ranges outside MMRAM that the platform gives drivers, and no
// others. The foundation has no mapping of them; one access at a time goes through the supervisor's window.
#include "arch/device_memory.hpp"
#include "platform/board.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {
namespace {

bool may_use(Range<PhysicalSpace> device) {
  return policy::driver_may_use_memory(platform::board::grants.ranges, device.base().number, device.bytes());
}

// Where the supervisor sees the device, if this one access is legal.
abi::SystemResult<LinearAddress> find_device(PhysicalAddress device, std::uint64_t width) {
  if ((width != 1 && width != 2 && width != 4 && width != 8) || device.number % width != 0) {
    return std::unexpected(abi::SystemStatus::invalid_argument);
  }
  const auto range = Range<PhysicalSpace>::create(device, width);
  if (!range || !may_use(*range)) {
    return std::unexpected(abi::SystemStatus::not_permitted);
  }
  return MemoryMap::outside(device);
}

}  // namespace

CallResult<void> check_device(const Caller& /*caller*/, Range<PhysicalSpace> device) {
  if (!may_use(device)) {
    return std::unexpected(abi::SystemStatus::not_permitted);
  }
  return {};
}

CallResult<std::uint64_t> read_device(const Caller& /*caller*/, PhysicalAddress device, abi::Width width) {
  const auto bytes = static_cast<std::uint64_t>(width);
  return arch::read_device(TRY(find_device(device, bytes)), bytes);
}

CallResult<void> write_device(const Caller& /*caller*/, PhysicalAddress device, abi::Width width, std::uint64_t value) {
  const auto bytes = static_cast<std::uint64_t>(width);
  arch::write_device(TRY(find_device(device, bytes)), bytes, value);
  return {};
}

}  // namespace redoubt::supervisor::system_calls
