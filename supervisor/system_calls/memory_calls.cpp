// SPDX-License-Identifier: BSD-2-Clause-Patent
// Pages and copies: the checks are the memory map's own, made against its records.
#include "supervisor/procedures/procedures.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {
namespace {

template <typename Value>
CallResult<Value> told(const Result<Value>& result) {
  if (!result) {
    return std::unexpected(to_status(result.error()));
  }
  if constexpr (std::is_void_v<Value>) {
    return {};
  } else {
    return *result;
  }
}

CallResult<void> told_of_copy(const Result<void>& result) {
  if (!result) {
    return std::unexpected(abi::SystemStatus::bad_address);
  }
  return {};
}

}  // namespace

CallResult<PhysicalAddress> allocate_pages(const Caller& caller, std::uint64_t pages, PhysicalAddress limit) {
  return told(caller.supervisor.memory.allocate_pages(pages, limit));
}

CallResult<void> allocate_pages_at(const Caller& caller, PhysicalAddress base, std::uint64_t pages) {
  return told(caller.supervisor.memory.allocate_pages_at(base, pages));
}

CallResult<void> free_pages(const Caller& caller, PhysicalAddress base, std::uint64_t pages) {
  MemoryMap& memory = caller.supervisor.memory;
  if (caller.supervisor.active_procedures != 0) [[unlikely]] {
    // No CPU may see them any more when they are cleared and find another holder.
    TRY(told(memory.set_page_access(base, pages, {})));
    flush_procedures(caller.supervisor, caller.cpu);
  }
  return told(memory.free_pages(base, pages));
}

CallResult<void> set_page_access(const Caller& caller, PhysicalAddress base, std::uint64_t pages,
                                 abi::PageAccess access) {
  const Result<void> result = caller.supervisor.memory.set_page_access(base, pages, access);
  flush_procedures(caller.supervisor, caller.cpu);
  if (result && access.holders.exception) {
    report_unprotected(base, pages);
  }
  return told(result);
}

CallResult<void> read_driver(const Caller& caller, FoundationAddress to, Range<DriverSpace> from) {
  return told_of_copy(caller.supervisor.memory.read_driver(to, from));
}

CallResult<void> write_driver(const Caller& caller, DriverAddress to, Range<FoundationSpace> from) {
  return told_of_copy(caller.supervisor.memory.write_driver(to, from));
}

CallResult<bool> unblock_memory(const Caller& caller, PhysicalAddress base, std::uint64_t pages) {
  Supervisor& supervisor = caller.supervisor;
  const Result<bool> opened = supervisor.unblocked.unblock(supervisor.launch, supervisor.memory, base, pages);
  if (!opened) {
    flush_procedures(supervisor, caller.cpu);  // of what was open for a moment
  } else if (*opened) {
    report_unblocked(base, pages);
  }
  return told(opened);
}

CallResult<void> read_memory_statistics(const Caller& caller, FoundationAddress statistics) {
  const PagePool& pool = caller.supervisor.memory.pool();
  const abi::MemoryStatistics answer = {
      .mmram_bytes = pool.page_count() * page_bytes,
      .used_bytes = (pool.page_count() - pool.free_pages()) * page_bytes,
      .mmi_count = caller.supervisor.mmi_count,
      .fault_count = caller.supervisor.fault_count,
  };
  return told_of_copy(caller.supervisor.memory.copy_to_foundation(statistics, object_bytes(answer)));
}

}  // namespace redoubt::supervisor::system_calls
