// SPDX-License-Identifier: BSD-2-Clause-Patent
// All that the foundation asks of the world below it: one method for each system call of abi/redoubt/syscall.hpp that
// doesn't end an entry, and the time. In the guest they are `int 0x80` stubs (foundation/guest), in host tests a fake
// with the same rules (foundation/testing). No other code of the foundation may touch a driver or a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/redoubt/fault_policy.hpp"
#include "abi/redoubt/system_call_arguments.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::foundation {

using abi::Switched;
using abi::SystemResult;

constexpr std::uint64_t pages_for(std::uint64_t bytes) {
  return bytes / page_bytes + (bytes % page_bytes != 0 ? 1 : 0);
}

// As the supervisor has to be told where objects of the foundation's are.
inline FoundationAddress address_in_foundation(const void* object) {
  return FoundationAddress(reinterpret_cast<std::uintptr_t>(object));
}
// Error bad_address for what no object can be.
inline SystemResult<Range<FoundationSpace>> range_in_foundation(Bytes bytes) {
  const auto range = Range<FoundationSpace>::create(address_in_foundation(bytes.data()), bytes.size());
  if (!range) return std::unexpected(abi::SystemStatus::bad_address);
  return *range;
}

class Supervisor {
 public:
  // The system calls that come back. Contracts, units and errors: REDOUBT_RETURNING_CALLS in abi/redoubt/syscall.hpp.
#define REDOUBT_X(number, name, Value, parameters, names) \
  virtual SystemResult<abi::AnswerOf<Value>> name parameters = 0;
  REDOUBT_RETURNING_CALLS(REDOUBT_X)
#undef REDOUBT_X

  // The time stamp counter, which needs no system call.
  virtual std::uint64_t ticks() = 0;

  // The same with the foundation's own objects. Addresses in a driver's view of memory are never pointers: only the two
  // copies and call_driver give them a meaning.
  SystemResult<void> fetch(MutableBytes to, DriverAddress from) {
    const auto source = Range<DriverSpace>::create(from, to.size());
    if (!source) return std::unexpected(abi::SystemStatus::bad_address);
    return read_driver(address_in_foundation(to.data()), *source);
  }
  SystemResult<void> store(DriverAddress to, Bytes from) { return write_driver(to, TRY(range_in_foundation(from))); }
  SystemResult<void> call_driver(abi::DriverCall& call) { return call_driver(address_in_foundation(&call)); }
  void log(std::string_view line) {
    const auto text = range_in_foundation(std::as_bytes(std::span(line.data(), line.size())));
    if (text) static_cast<void>(log(*text));
  }
  SystemResult<abi::MemoryStatistics> memory_statistics() {
    abi::MemoryStatistics statistics{};
    TRY(read_memory_statistics(address_in_foundation(&statistics)));
    return statistics;
  }
  SystemResult<void> start_procedure(abi::CpuNumber cpu, const abi::ProcedureCall& call) {
    return start_procedure(cpu, address_in_foundation(&call));
  }
  SystemResult<abi::ProcessorState> check_procedure(abi::CpuNumber cpu, abi::ProcedureEnd& end) {
    return check_procedure(cpu, address_in_foundation(&end));
  }
  SystemResult<void> stop_machine(const abi::StopRequest& request) {
    return stop_machine(address_in_foundation(&request));
  }

 protected:
  ~Supervisor() = default;
};

// For callers that tell the statuses of a call apart.
template <typename T>
constexpr abi::SystemStatus status_of_call(const SystemResult<T>& result) {
  return result.has_value() ? abi::SystemStatus::ok : result.error();
}

// A foundation-owned object at an address that allocate_pages returned.
template <typename T>
T* at_address(std::uint64_t address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}
template <typename T>
T* at_address(PhysicalAddress page) {
  return at_address<T>(page.number);
}

inline std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace redoubt::foundation
