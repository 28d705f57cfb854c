// SPDX-License-Identifier: BSD-2-Clause-Patent
// Pages and copies: the checks are the memory map's own, made against its records.
#include "supervisor/report/report.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {
namespace {

Continuation answer_result(Cpu& cpu, const Result<void>& result) {
  return answer(cpu, result ? abi::SystemStatus::ok : to_status(result.error()));
}

Continuation answer_address(Cpu& cpu, const Result<std::uint64_t>& address) {
  return address ? answer(cpu, abi::SystemStatus::ok, *address) : answer(cpu, to_status(address.error()));
}

Continuation answer_copy(Cpu& cpu, const Result<void>& result) {
  return answer(cpu, result ? abi::SystemStatus::ok : abi::SystemStatus::bad_address);
}

}  // namespace

Continuation allocate_pages(Supervisor& supervisor, Cpu& cpu) {
  return answer_address(cpu, supervisor.memory.allocate_pages(cpu.frame.rdi, cpu.frame.rsi));
}

Continuation allocate_pages_at(Supervisor& supervisor, Cpu& cpu) {
  return answer_address(cpu, supervisor.memory.allocate_pages_at(cpu.frame.rdi, cpu.frame.rsi));
}

Continuation free_pages(Supervisor& supervisor, Cpu& cpu) {
  if (supervisor.active_procedures != 0) [[unlikely]] {
    // Nobody may see them any more when they are cleared and go to somebody else.
    const Result<void> taken =
        supervisor.memory.set_page_access(cpu.frame.rdi, cpu.frame.rsi, abi::page_none, abi::page_none);
    if (!taken) {
      return answer_result(cpu, taken);
    }
    flush_procedures(supervisor, cpu);
  }
  return answer_result(cpu, supervisor.memory.free_pages(cpu.frame.rdi, cpu.frame.rsi));
}

Continuation set_page_access(Supervisor& supervisor, Cpu& cpu) {
  const Result<void> result =
      supervisor.memory.set_page_access(cpu.frame.rdi, cpu.frame.rsi, cpu.frame.rdx, cpu.frame.rcx);
  flush_procedures(supervisor, cpu);
  if (result && (cpu.frame.rcx & abi::page_exception) != 0) report_unprotected(cpu.frame.rdi, cpu.frame.rsi);
  return answer_result(cpu, result);
}

Continuation read_driver(Supervisor& supervisor, Cpu& cpu) {
  return answer_copy(cpu, supervisor.memory.read_driver(cpu.frame.rdi, cpu.frame.rsi, cpu.frame.rdx));
}

Continuation write_driver(Supervisor& supervisor, Cpu& cpu) {
  return answer_copy(cpu, supervisor.memory.write_driver(cpu.frame.rdi, cpu.frame.rsi, cpu.frame.rdx));
}

Continuation unblock_memory(Supervisor& supervisor, Cpu& cpu) {
  const Result<bool> opened =
      supervisor.unblocked.unblock(supervisor.launch, supervisor.memory, cpu.frame.rdi, cpu.frame.rsi);
  if (!opened) {
    flush_procedures(supervisor, cpu);  // of what was open for a moment
    return answer(cpu, to_status(opened.error()));
  }
  if (*opened) report_unblocked(cpu.frame.rdi, cpu.frame.rsi);
  return answer(cpu, abi::SystemStatus::ok, *opened ? 1 : 0);
}

Continuation read_memory_statistics(Supervisor& supervisor, Cpu& cpu) {
  const PagePool& pool = supervisor.memory.pool();
  const abi::MemoryStatistics statistics = {
      .mmram_bytes = pool.page_count() * page_bytes,
      .used_bytes = (pool.page_count() - pool.free_pages()) * page_bytes,
      .mmi_count = supervisor.mmi_count,
      .fault_count = supervisor.fault_count,
  };
  return answer_copy(cpu,
                     supervisor.memory.copy_to(Domain::foundation, cpu.frame.rdi, &statistics, sizeof(statistics)));
}

}  // namespace redoubt::supervisor::system_calls
