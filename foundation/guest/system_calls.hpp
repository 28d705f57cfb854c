// SPDX-License-Identifier: BSD-2-Clause-Patent
// The supervisor as the foundation sees it in the guest: each method is one `int 0x80` (abi/redoubt/syscall.hpp). The
// calls are generated from the contract's list, so that numbers cannot differ from the supervisor's.
#pragma once

#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation::guest {

struct SystemReply {
  abi::SystemStatus status;
  std::uint64_t value;
};

// `arguments`: at most six, in the order of the registers.
SystemReply invoke(abi::SystemCall number, std::uint64_t first, std::uint64_t second, std::uint64_t third,
                   std::uint64_t fourth);

#define REDOUBT_X(name, number)                                                                       \
  inline SystemReply name(std::uint64_t first = 0, std::uint64_t second = 0, std::uint64_t third = 0, \
                          std::uint64_t fourth = 0) {                                                 \
    return invoke(abi::SystemCall::name, first, second, third, fourth);                               \
  }
namespace system_call {
REDOUBT_SYSTEM_CALLS(REDOUBT_X)
}  // namespace system_call
#undef REDOUBT_X

class GuestSupervisor final : public Supervisor {
 public:
  SystemResult<std::uint64_t> allocate_pages(std::uint64_t pages, std::uint64_t limit) override;
  abi::SystemStatus allocate_pages_at(std::uint64_t address, std::uint64_t pages) override;
  abi::SystemStatus free_pages(std::uint64_t address, std::uint64_t pages) override;
  abi::SystemStatus set_page_access(std::uint64_t address, std::uint64_t pages, std::uint64_t foundation,
                                    std::uint64_t drivers) override;
  abi::SystemStatus read_driver(void* destination, std::uint64_t source, std::size_t bytes) override;
  abi::SystemStatus write_driver(std::uint64_t destination, const void* source, std::size_t bytes) override;
  abi::SystemStatus call_driver(abi::DriverCall& call) override;
  abi::SystemStatus set_root_interest(bool wanted) override;
  void log(std::string_view line) override;
  SystemResult<std::uint64_t> read_io(std::uint64_t port, std::uint32_t width) override;
  abi::SystemStatus write_io(std::uint64_t port, std::uint32_t width, std::uint64_t value) override;
  abi::SystemStatus read_memory_statistics(abi::MemoryStatistics& statistics) override;
  abi::SystemStatus check_device(std::uint64_t address, std::uint64_t bytes) override;
  SystemResult<std::uint64_t> read_device(std::uint64_t address, std::uint32_t width) override;
  abi::SystemStatus write_device(std::uint64_t address, std::uint32_t width, std::uint64_t value) override;
  SystemResult<std::uint64_t> read_save_state(std::uint64_t cpu, std::uint32_t number, std::uint64_t width) override;
  abi::SystemStatus write_save_state(std::uint64_t cpu, std::uint32_t number, std::uint64_t width,
                                     std::uint64_t value) override;
  abi::SystemStatus start_procedure(std::uint64_t cpu, const abi::ProcedureCall& call) override;
  SystemResult<abi::ProcessorState> check_procedure(std::uint64_t cpu, abi::ProcedureEnd& end) override;
  abi::SystemStatus stop_procedure(std::uint64_t cpu) override;
  SystemResult<bool> unblock_memory(std::uint64_t address, std::uint64_t pages) override;
  SystemResult<std::uint64_t> hold_processors() override;
  abi::SystemStatus stop_machine(const abi::StopRequest& request) override;
  std::uint64_t ticks() override { return __builtin_ia32_rdtsc(); }
};

}  // namespace redoubt::foundation::guest
