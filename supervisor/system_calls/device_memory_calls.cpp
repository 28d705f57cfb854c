// SPDX-License-Identifier: BSD-2-Clause-Patent
// Device registers in memory, on a driver's behalf: the ranges outside MMRAM that the platform gives drivers, and no
// others. The foundation has no mapping of them; one access at a time goes through the supervisor's window.
#include "arch/device_memory.hpp"
#include "platform/q35/platform.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {
namespace {

// Whether one access is legal.
abi::SystemStatus check(std::uint64_t address, std::uint64_t width) {
  if ((width != 1 && width != 2 && width != 4 && width != 8) || address % width != 0) {
    return abi::SystemStatus::invalid_argument;
  }
  return platform::driver_may_use_memory(address, width) ? abi::SystemStatus::ok : abi::SystemStatus::not_permitted;
}

}  // namespace

Continuation check_device(Supervisor& /*supervisor*/, Cpu& cpu) {
  const bool permitted = platform::driver_may_use_memory(cpu.frame.rdi, cpu.frame.rsi);
  return answer(cpu, permitted ? abi::SystemStatus::ok : abi::SystemStatus::not_permitted);
}

Continuation read_device(Supervisor& /*supervisor*/, Cpu& cpu) {
  const abi::SystemStatus status = check(cpu.frame.rdi, cpu.frame.rsi);
  if (status != abi::SystemStatus::ok) {
    return answer(cpu, status);
  }
  return answer(cpu, abi::SystemStatus::ok, arch::read_device(MemoryMap::outside(cpu.frame.rdi), cpu.frame.rsi));
}

Continuation write_device(Supervisor& /*supervisor*/, Cpu& cpu) {
  const abi::SystemStatus status = check(cpu.frame.rdi, cpu.frame.rsi);
  if (status == abi::SystemStatus::ok) {
    arch::write_device(MemoryMap::outside(cpu.frame.rdi), cpu.frame.rsi, cpu.frame.rdx);
  }
  return answer(cpu, status);
}

}  // namespace redoubt::supervisor::system_calls
