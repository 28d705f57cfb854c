// SPDX-License-Identifier: BSD-2-Clause-Patent
// All that the foundation asks of the world below it: one method for each system call of abi/redoubt/syscall.hpp that
// doesn't end an entry, and the time. In the guest they are `int 0x80` stubs (foundation/guest), in host tests a fake
// with the same rules (foundation/testing). No other code of the foundation may touch a driver or a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/redoubt/fault_policy.hpp"
#include "abi/redoubt/syscall.hpp"
#include "base/result.hpp"

namespace redoubt::foundation {

template <typename T>
using SystemResult = Result<T, abi::SystemStatus>;

inline constexpr std::uint64_t page_bytes = 4096;

constexpr std::uint64_t pages_for(std::uint64_t bytes) {
  return bytes / page_bytes + (bytes % page_bytes != 0 ? 1 : 0);
}

class Supervisor {
 public:
  // Contracts, units and errors: REDOUBT_SYSTEM_CALLS in abi/redoubt/syscall.hpp. Addresses in a driver's view of
  // memory are numbers here, never pointers: only the two copies and call_driver give them a meaning.
  virtual SystemResult<std::uint64_t> allocate_pages(std::uint64_t pages, std::uint64_t limit) = 0;
  virtual abi::SystemStatus allocate_pages_at(std::uint64_t address, std::uint64_t pages) = 0;
  virtual abi::SystemStatus free_pages(std::uint64_t address, std::uint64_t pages) = 0;
  virtual abi::SystemStatus set_page_access(std::uint64_t address, std::uint64_t pages, std::uint64_t foundation,
                                            std::uint64_t drivers) = 0;
  virtual abi::SystemStatus read_driver(void* destination, std::uint64_t source, std::size_t bytes) = 0;
  virtual abi::SystemStatus write_driver(std::uint64_t destination, const void* source, std::size_t bytes) = 0;
  virtual abi::SystemStatus call_driver(abi::DriverCall& call) = 0;
  virtual abi::SystemStatus set_root_interest(bool wanted) = 0;
  virtual void log(std::string_view line) = 0;
  virtual SystemResult<std::uint64_t> read_io(std::uint64_t port, std::uint32_t width) = 0;
  virtual abi::SystemStatus write_io(std::uint64_t port, std::uint32_t width, std::uint64_t value) = 0;
  virtual abi::SystemStatus read_memory_statistics(abi::MemoryStatistics& statistics) = 0;
  virtual abi::SystemStatus check_device(std::uint64_t address, std::uint64_t bytes) = 0;
  virtual SystemResult<std::uint64_t> read_device(std::uint64_t address, std::uint32_t width) = 0;
  virtual abi::SystemStatus write_device(std::uint64_t address, std::uint32_t width, std::uint64_t value) = 0;
  virtual SystemResult<std::uint64_t> read_save_state(std::uint64_t cpu, std::uint32_t number, std::uint64_t width) = 0;
  virtual abi::SystemStatus write_save_state(std::uint64_t cpu, std::uint32_t number, std::uint64_t width,
                                             std::uint64_t value) = 0;
  virtual abi::SystemStatus start_procedure(std::uint64_t cpu, const abi::ProcedureCall& call) = 0;
  virtual SystemResult<abi::ProcessorState> check_procedure(std::uint64_t cpu, abi::ProcedureEnd& end) = 0;
  virtual abi::SystemStatus stop_procedure(std::uint64_t cpu) = 0;

  virtual SystemResult<bool> unblock_memory(std::uint64_t address, std::uint64_t pages) = 0;
  virtual SystemResult<std::uint64_t> hold_processors() = 0;
  virtual abi::SystemStatus stop_machine(const abi::StopRequest& request) = 0;

  // The time stamp counter, which needs no system call.
  virtual std::uint64_t ticks() = 0;

 protected:
  ~Supervisor() = default;
};

// A foundation-owned object at an address that allocate_pages returned.
template <typename T>
T* at_address(std::uint64_t address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

inline std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace redoubt::foundation
