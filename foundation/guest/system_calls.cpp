// SPDX-License-Identifier: BSD-2-Clause-Patent
// See the header. The one instruction of this file is the door out of the foundation.
#include "foundation/guest/system_calls.hpp"

namespace redoubt::foundation::guest {
namespace {

SystemResult<std::uint64_t> result_of(const SystemReply& reply) {
  if (reply.status != abi::SystemStatus::ok) return std::unexpected(reply.status);
  return reply.value;
}

}  // namespace

SystemReply invoke(abi::SystemCall number, std::uint64_t first, std::uint64_t second, std::uint64_t third,
                   std::uint64_t fourth) {
  auto status = static_cast<std::int64_t>(number);
  std::uint64_t value = third;
  asm volatile("int %[vector]"
               : "+a"(status), "+d"(value)
               : "D"(first), "S"(second), "c"(fourth), [vector] "i"(static_cast<int>(abi::system_call_vector))
               : "memory");
  return {static_cast<abi::SystemStatus>(status), value};
}

SystemResult<std::uint64_t> GuestSupervisor::allocate_pages(std::uint64_t pages, std::uint64_t limit) {
  return result_of(system_call::allocate_pages(pages, limit));
}

abi::SystemStatus GuestSupervisor::allocate_pages_at(std::uint64_t address, std::uint64_t pages) {
  return system_call::allocate_pages_at(address, pages).status;
}

abi::SystemStatus GuestSupervisor::free_pages(std::uint64_t address, std::uint64_t pages) {
  return system_call::free_pages(address, pages).status;
}

abi::SystemStatus GuestSupervisor::set_page_access(std::uint64_t address, std::uint64_t pages, std::uint64_t foundation,
                                                   std::uint64_t drivers) {
  return system_call::set_page_access(address, pages, foundation, drivers).status;
}

abi::SystemStatus GuestSupervisor::read_driver(void* destination, std::uint64_t source, std::size_t bytes) {
  return system_call::read_driver(address_of(destination), source, bytes).status;
}

abi::SystemStatus GuestSupervisor::write_driver(std::uint64_t destination, const void* source, std::size_t bytes) {
  return system_call::write_driver(destination, address_of(source), bytes).status;
}

abi::SystemStatus GuestSupervisor::call_driver(abi::DriverCall& call) {
  return system_call::call_driver(address_of(&call)).status;
}

abi::SystemStatus GuestSupervisor::set_root_interest(bool wanted) {
  return system_call::set_root_interest(wanted ? 1 : 0).status;
}

void GuestSupervisor::log(std::string_view line) { system_call::log(address_of(line.data()), line.size()); }

SystemResult<std::uint64_t> GuestSupervisor::read_io(std::uint64_t port, std::uint32_t width) {
  return result_of(system_call::read_io(port, width));
}

abi::SystemStatus GuestSupervisor::write_io(std::uint64_t port, std::uint32_t width, std::uint64_t value) {
  return system_call::write_io(port, width, value).status;
}

abi::SystemStatus GuestSupervisor::read_memory_statistics(abi::MemoryStatistics& statistics) {
  return system_call::read_memory_statistics(address_of(&statistics)).status;
}

abi::SystemStatus GuestSupervisor::check_device(std::uint64_t address, std::uint64_t bytes) {
  return system_call::check_device(address, bytes).status;
}

SystemResult<std::uint64_t> GuestSupervisor::read_device(std::uint64_t address, std::uint32_t width) {
  return result_of(system_call::read_device(address, width));
}

abi::SystemStatus GuestSupervisor::write_device(std::uint64_t address, std::uint32_t width, std::uint64_t value) {
  return system_call::write_device(address, width, value).status;
}

SystemResult<std::uint64_t> GuestSupervisor::read_save_state(std::uint64_t cpu, std::uint32_t number,
                                                             std::uint64_t width) {
  return result_of(system_call::read_save_state(cpu, number, width));
}

abi::SystemStatus GuestSupervisor::write_save_state(std::uint64_t cpu, std::uint32_t number, std::uint64_t width,
                                                    std::uint64_t value) {
  return system_call::write_save_state(cpu, number, width, value).status;
}

abi::SystemStatus GuestSupervisor::start_procedure(std::uint64_t cpu, const abi::ProcedureCall& call) {
  return system_call::start_procedure(cpu, address_of(&call)).status;
}

SystemResult<abi::ProcessorState> GuestSupervisor::check_procedure(std::uint64_t cpu, abi::ProcedureEnd& end) {
  const SystemResult<std::uint64_t> state = result_of(system_call::check_procedure(cpu, address_of(&end)));
  if (!state.has_value()) return std::unexpected(state.error());
  return static_cast<abi::ProcessorState>(*state);
}

abi::SystemStatus GuestSupervisor::stop_procedure(std::uint64_t cpu) { return system_call::stop_procedure(cpu).status; }

SystemResult<bool> GuestSupervisor::unblock_memory(std::uint64_t address, std::uint64_t pages) {
  const SystemResult<std::uint64_t> opened = result_of(system_call::unblock_memory(address, pages));
  if (!opened.has_value()) return std::unexpected(opened.error());
  return *opened != 0;
}

SystemResult<std::uint64_t> GuestSupervisor::hold_processors() { return result_of(system_call::hold_processors()); }

abi::SystemStatus GuestSupervisor::stop_machine(const abi::StopRequest& request) {
  return system_call::stop_machine(address_of(&request)).status;
}

}  // namespace redoubt::foundation::guest
