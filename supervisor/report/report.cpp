// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/report/report.hpp"

#include "arch/processor.hpp"
#include "supervisor/memory/page_pool.hpp"

namespace redoubt::supervisor {

void write(ReportLine& line) { platform::write_log(line.text()); }

void write_console(ReportLine& line, bool set_up) {
  std::string_view text = line.text();
  text.remove_prefix(sizeof(abi::report_prefix) - 1);
  text.remove_suffix(1);
  platform::write_console("\r\nRedoubt MM: ", set_up);
  platform::write_console(text, false);
  platform::write_console("\r\n", false);
}

void report_start(const Supervisor& supervisor) {
  ReportLine line("supervisor.start");
  line.hexadecimal("base", supervisor.launch.supervisor_base)
      .decimal("size", supervisor.launch.supervisor_size)
      .decimal("cpus", supervisor.launch.cpu_count);
  write(line);
}

void report_ranges() {
  for (const policy::OutsideRange& range : platform::board::grants.ranges) {
    if (range.access == policy::RangeAccess::drivers) {
      ReportLine line("range");
      line.hexadecimal("base", range.base).decimal("size", range.size).word("access", "rw").quoted("what", range.what);
      write(line);
    }
  }
}

void report_unprotected(PhysicalAddress base, std::uint64_t pages) {
  ReportLine line("unprotected");
  line.hexadecimal("base", base.number).decimal("size", pages * page_bytes);
  write(line);
}

void report_unblocked(PhysicalAddress base, std::uint64_t pages) {
  ReportLine line("unblocked");
  line.hexadecimal("base", base.number).decimal("size", pages * page_bytes);
  write(line);
}

void report_foundation_start(const Supervisor& supervisor, PhysicalAddress base, std::uint64_t bytes) {
  ReportLine line("foundation.start");
  line.hexadecimal("base", base.number)
      .decimal("size", bytes)
      .hexadecimal("entry", supervisor.foundation_entry.number)
      .decimal("cpl", arch::selector::user_code & arch::selector::privilege_mask);
  write(line);
}

void report_launch_done(const Supervisor& supervisor) {
  const PagePool& pool = supervisor.memory.pool();
  ReportLine line("launch.done");
  line.decimal("ticks", arch::read_tsc() - supervisor.launch_start_ticks)
      .decimal("mmram_used", (pool.page_count() - pool.free_pages()) * page_bytes)
      .decimal("mmram_free", pool.free_pages() * page_bytes);
  write(line);
}

void report_outside(Supervisor& supervisor, const Outside& outside) {
  constexpr std::uint8_t most_reported = 8;
  std::uint8_t& reported = supervisor.reported_outside[static_cast<std::size_t>(outside.what)];
  if (reported > most_reported) {
    return;
  }
  ++reported;
  ReportLine line("processor.outside");
  line.decimal("cpu", outside.cpu)
      .quoted("reason", outside.what == Outside::What::missing   ? "it runs and does not come"
                        : outside.what == Outside::What::came_in ? "it ran while it was presumed stopped"
                                                                 : "it is missing, and nobody can call it");
  if (reported > most_reported) {
    line.word("more", "not_reported");
  }
  write(line);
}

void report_fault(const Supervisor& supervisor, DomainId domain, std::uint32_t driver, std::uint32_t cpu,
                  const Fault& fault) {
  const bool in_driver = domain == DomainId::drivers;
  ReportLine line("fault");
  line.word("domain", in_driver ? "driver" : "foundation")
      .decimal("vector", fault.vector)
      .hexadecimal("address", fault.address)
      .hexadecimal("rip", fault.rip)
      .decimal("driver", driver)
      .decimal("cpu", cpu)
      .guid("handler", supervisor.message.guid)
      .word("action", in_driver ? "disabled" : "aborted");
  write(line);
}

}  // namespace redoubt::supervisor
