// SPDX-License-Identifier: BSD-2-Clause-Patent
// The report as a person reads it.
#include <algorithm>
#include <format>
#include <iterator>
#include <string>
#include <string_view>

#include "tool/boot/report.hpp"
#include "tool/boot/report_words.hpp"
#include "tool/boot/status_text.hpp"

namespace redoubt::tool::boot {
namespace {

std::string kibibytes(std::optional<std::uint64_t> bytes) {
  return bytes ? std::format("{:.1f} KiB", static_cast<double>(*bytes) / 1024) : std::string(unknown);
}

std::string range_text(std::uint64_t base, std::uint64_t size) {
  return std::format("0x{:X} - 0x{:X}", base, base + (size == 0 ? 0 : size - 1));
}

// "missing NAME, NAME", "AFTER NAME", or whatever else the foundation said.
std::string waiting_text(const Driver& driver) {
  if (driver.missing.empty()) {
    const std::size_t last = driver.depex.rfind(' ') + 1;
    return driver.depex.substr(0, last) + name_of(std::string_view(driver.depex).substr(last));
  }
  std::string text = "missing ";
  for (const std::string& protocol : driver.missing) {
    text += (&protocol == &driver.missing.front() ? "" : ", ") + name_of(protocol);
  }
  return text;
}

std::string record_text(const FaultRecord& record) {
  constexpr std::string_view no_guid = "00000000-0000-0000-0000-000000000000";
  std::string text = std::format("{} {}: {}", record.guid, record.name, cause_text(record.cause, record.vector));
  if (record.cause == "fault") {
    text += std::format(", rip {}, address {}", hexadecimal(record.rip), hexadecimal(record.address));
  }
  if (record.handler != no_guid) {
    text += std::format(", called for {}", name_of(record.handler));
  }
  text += std::format(", in phase {}; the machine was {}", record.phase, record.action);
  return record.action == "reset" ? text + std::format(", {} in a row", decimal(record.in_a_row)) : text;
}

// One line, since what closes a store and what becomes of it belong together.
std::string joined(const std::vector<std::string>& texts) {
  std::string result;
  for (const std::string& text : texts) {
    result += (result.empty() ? "" : "; ") + text;
  }
  return result;
}

void append_line(std::string& text, std::string_view label, std::string_view value) {
  std::format_to(std::back_inserter(text), "  {:<18}{}\n", label, value);
}

void append_drivers(std::string& text, const BootReport& report) {
  const auto started = std::ranges::count_if(report.drivers, [](const Driver& driver) { return !driver.waiting(); });
  append_line(
      text, "MM drivers",
      std::format("{} started, {} waiting", started, static_cast<std::ptrdiff_t>(report.drivers.size()) - started));
  if (started != 0) {
    std::format_to(std::back_inserter(text), "    {:>4} {:>12}  {:<16} {:<8} {:<36} {}\n", "ring", "entry ticks",
                   "status", "on fault", "GUID", "name");
  }
  for (const Driver& driver : report.drivers) {
    if (!driver.waiting()) {
      std::format_to(std::back_inserter(text), "    {:>4} {:>12}  {:<16} {:<8} {:<36} {}\n",
                     driver.ring ? decimal(driver.ring) : "?", driver.ticks ? decimal(driver.ticks) : "?",
                     status_text(driver.status.value_or(0)), driver.policy.empty() ? "?" : driver.policy, driver.guid,
                     driver.reason.empty() ? driver.name : std::format("{}: {}", driver.name, driver.reason));
    }
  }
  for (const Driver& driver : report.drivers) {
    if (driver.waiting()) {
      std::format_to(
          std::back_inserter(text), "    waits: {} {}: {}{}\n", driver.guid, driver.name, waiting_text(driver),
          driver.policy.empty() || driver.policy == "disable" ? "" : std::format("; ON FAULT {}", driver.policy));
    }
  }
  for (const std::string& file : report.skipped_files) {
    std::format_to(std::back_inserter(text), "    skipped {}\n", file);
  }
  for (const Driver& driver : report.drivers) {
    if (driver.usage.empty() && driver.log_dropped == 0 && !driver.quarantined) {
      continue;
    }
    std::string held;
    for (const auto& [what, share] : driver.usage) {
      held += std::format("{}{} {}", held.empty() ? "" : ", ", what, share);
    }
    if (driver.kept_back != 0) {
      held += std::format("; {} pages more kept back for it", driver.kept_back);
    }
    if (driver.refused != 0) {
      held += std::format("{}refused {} times", held.empty() ? "" : "; ", driver.refused);
    }
    if (driver.log_dropped != 0) {
      held += std::format("{}{} log lines dropped", held.empty() ? "" : "; ", driver.log_dropped);
    }
    if (driver.quarantined) {
      held += std::format("{}stopped, {} pages out of use", held.empty() ? "" : "; ", *driver.quarantined);
    }
    std::format_to(std::back_inserter(text), "    holds: {}: {}\n", driver.name, held);
  }
}

void append_writable_code(std::string& text, const BootReport& report) {
  append_line(text, "writable code",
              report.unprotected_bytes == 0 && report.alignment_exceptions.empty()
                  ? "none"
                  : std::format("{} that drivers can write and execute", kibibytes(report.unprotected_bytes)));
  for (const AlignmentException& exception : report.alignment_exceptions) {
    std::format_to(std::back_inserter(text), "    EXCEPTION for unaligned sections, {} pages: {} {}\n", exception.pages,
                   exception.guid, exception.name);
  }
}

void append_launch(std::string& text, const BootReport& report) {
  append_line(text, "launched from",
              std::format("PEI, boot mode {}, {} CPUs{}", hexadecimal(report.boot_mode), decimal(report.cpus),
                          report.launches > 1 ? std::format(" (boot {} of this run)", report.launches) : ""));
  if (!report.launch_failure.empty()) {
    append_line(text, "", "FAILED: " + report.launch_failure);
  }
  if (!report.launch_reset.empty()) {
    append_line(text, "", "reset by the launcher: " + report.launch_reset);
  }
  if (!report.dxe_failure.empty()) {
    append_line(text, "", "communication driver FAILED: " + report.dxe_failure);
  }
  if (report.mmram_base && report.mmram_size) {
    append_line(text, "MMRAM", range_text(*report.mmram_base, *report.mmram_size));
  }
}

void append_domains(std::string& text, const BootReport& report) {
  append_line(text, "supervisor",
              report.supervisor_base ? std::format("ring 0, {} at {}", kibibytes(report.supervisor_size),
                                                   hexadecimal(report.supervisor_base))
                                     : "not started");
  append_line(text, "foundation",
              report.foundation_base
                  ? std::format("ring {}, {} at {}", decimal(report.foundation_ring), kibibytes(report.foundation_size),
                                hexadecimal(report.foundation_base))
                  : "not started");
  append_drivers(text, report);
  append_writable_code(text, report);
  const std::uint64_t kept_back = kept_back_bytes(report);
  append_line(text, "MMRAM used, free",
              std::format("{}{}, {}", kibibytes(report.mmram_used),
                          kept_back == 0 ? "" : std::format(" ({} of them kept back)", kibibytes(kept_back)),
                          kibibytes(report.mmram_free)));
  append_line(text, "open to ring 3",
              std::format("{} outside MMRAM, in {} ranges", kibibytes(open_bytes(report)), report.ranges.size()));
  for (const OpenRange& range : report.ranges) {
    std::format_to(std::back_inserter(text), "    {:<26} {:<3} {}\n", range_text(range.base, range.size), range.access,
                   range.purpose);
  }
  for (const std::string& request : report.refused_unblocks) {
    std::format_to(std::back_inserter(text), "    refused to unblock {}\n", request);
  }
}

void append_observations(std::string& text, const BootReport& report) {
  if (report.options) {
    append_line(text, "options", options_text(report));
  }
  if (!report.profile.empty()) {
    append_line(text, "MMI handlers", std::format("{} called", report.profile.size()));
    std::format_to(std::back_inserter(text), "    {:>8} {:>12} {:>12} {:>12}  {:<36} {}\n", "calls", "least ticks",
                   "average", "most", "handler", "driver");
  }
  for (const HandlerProfile& row : report.profile) {
    std::format_to(std::back_inserter(text), "    {:>8} {:>12} {:>12} {:>12}  {:<36} {}\n", row.calls, row.least_ticks,
                   row.calls == 0 ? 0 : row.total_ticks / row.calls, row.most_ticks, name_of(row.handler),
                   report.driver_name(row.driver));
  }
  if (!report.log.empty() || report.log_lost != 0) {
    append_line(text, "MM log",
                std::format("{} lines{}", report.log.size(),
                            report.log_lost != 0 ? std::format(", {} LOST", report.log_lost) : ""));
  }
  for (const LogLine& line : report.log) {
    std::format_to(std::back_inserter(text), "    {:<8} {}: {}\n", line.level, report.driver_name(line.driver),
                   line.text);
  }
}

}  // namespace

std::string to_text(const MachineStop& stop) {
  return std::format("boot {}: {} for {}: {}", stop.boot, stop.action, stop.driver, stop.text);
}

std::string to_text(const BootReport& report) {
  std::string text = "Boot report\n";
  append_line(text, "image", report.image);
  append_line(text, "machine", report.machine);
  const std::string words = report.outcome == Outcome::reached ? "reached"
                            : report.outcome == Outcome::closed
                                ? "doesn't count: MM closed itself"
                                : std::format("NOT reached: {}", to_string(report.outcome));
  append_line(text, "final state", std::format("{} {} after {:.1f} s", report.goal, words, report.seconds));
  if (!report.variable_store.empty()) {
    append_line(text, "variables", "NOT IN ORDER: " + joined(report.variable_store));
  }
  if (report.converted()) {
    append_launch(text, report);
  } else {
    append_line(text, "launched from", "unknown: the image has no Redoubt in it, or it didn't start");
  }
  append_line(text, "MMRAM locked", lock_order(report));
  if (report.locked_in_pei) {
    append_line(text, "",
                std::format("SMRAMC {}, ESMRAMC {}, SMI_EN {}", hexadecimal(report.smramc), hexadecimal(report.esmramc),
                            hexadecimal(report.smi_en)));
  }
  if (!report.mmram_seen_by_dxe.empty()) {
    append_line(text, "", std::format("DXE finds it {} at ReadyToLock", report.mmram_seen_by_dxe));
  }
  if (report.converted()) {
    append_domains(text, report);
  } else {
    append_line(text, "MM drivers", unknown);
    append_line(text, "MMRAM used, free", unknown);
    append_line(text, "open to ring 3", unknown);
  }
  append_line(text, "MMIs",
              std::format("{} requested through port 0xB2{}", report.witness.mmi_requests,
                          report.mmis ? std::format("; {} served up to {}", *report.mmis, report.lifecycle) : ""));
  append_observations(text, report);
  if (report.fault_record) {
    append_line(text, "last fault", record_text(*report.fault_record));
  }
  if (!report.stops.empty()) {
    append_line(text, "failed drivers", std::format("{} resets by MM in {} boots", report.resets, report.launches));
  }
  for (const MachineStop& stop : report.stops) {
    std::format_to(std::back_inserter(text), "    {}\n", to_text(stop));
  }
  append_line(text, "violations",
              report.violation_count != 0 ? std::format("{}", report.violation_count)
              : report.converted()        ? "none"
                                          : unknown);
  for (const Violation& violation : report.violations) {
    std::format_to(std::back_inserter(text), "    {}\n", violation.text);
  }
  return text;
}

}  // namespace redoubt::tool::boot
