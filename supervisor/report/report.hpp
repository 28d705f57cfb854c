// SPDX-License-Identifier: BSD-2-Clause-Patent
// The lines that the supervisor itself writes to the log (abi/redoubt/report.hpp names their keys).
#pragma once

#include "supervisor/domain/fault.hpp"
#include "supervisor/report/report_line.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

void write(ReportLine& line);
// The same on the serial console, for the person before the machine: nothing of it may be secret. `set_up`: see
// platform::write_console.
void write_console(ReportLine& line, bool set_up);

void report_start(const Supervisor& supervisor);
// One line for each range outside MMRAM that ring 3 may use.
void report_ranges();
// Pages that drivers may write and execute.
void report_unprotected(PhysicalAddress base, std::uint64_t pages);
// RAM outside MMRAM that drivers may use from now on.
void report_unblocked(PhysicalAddress base, std::uint64_t pages);
void report_foundation_start(const Supervisor& supervisor, PhysicalAddress base, std::uint64_t bytes);
void report_launch_done(const Supervisor& supervisor);
// A CPU that wasn't held when none may run outside. A host that provokes that mustn't fill the log: of each kind there
// are some lines, and one that says that it's the last.
void report_outside(Supervisor& supervisor, const Outside& outside);
// `driver`: the foundation's number of it, 0 if unknown or none.
void report_fault(const Supervisor& supervisor, DomainId domain, std::uint32_t driver, std::uint32_t cpu,
                  const Fault& fault);

}  // namespace redoubt::supervisor
