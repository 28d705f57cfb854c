// SPDX-License-Identifier: BSD-2-Clause-Patent
// See report.hpp.
#include "tool/boot/report.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "abi/redoubt/observation.hpp"
#include "abi/uefi/guid_text.hpp"
#include "base/address.hpp"
#include "image/known_guids.hpp"
#include "tool/boot/status_text.hpp"

namespace redoubt::tool::boot {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view unknown = "unknown";

std::string text_of(const Event& event, abi::KeyName key) { return std::string(event.text(key).value_or("")); }

template <typename T>
void add_bounded(std::vector<T>& list, T entry) {
  if (list.size() < BootReport::max_entries) {
    list.push_back(std::move(entry));
  }
}

std::string hexadecimal(std::optional<std::uint64_t> value) {
  return value ? std::format("0x{:X}", *value) : std::string(unknown);
}

std::string decimal(std::optional<std::uint64_t> value) {
  return value ? std::format("{}", *value) : std::string(unknown);
}

std::string kibibytes(std::optional<std::uint64_t> bytes) {
  return bytes ? std::format("{:.1f} KiB", static_cast<double>(*bytes) / 1024) : std::string(unknown);
}

std::string range_text(std::uint64_t base, std::uint64_t size) {
  return std::format("0x{:X} - 0x{:X}", base, base + (size == 0 ? 0 : size - 1));
}

Json json_of(std::optional<std::uint64_t> value) { return value ? Json(*value) : Json(nullptr); }

Json json_of_address(std::optional<std::uint64_t> value) { return value ? Json(hexadecimal(value)) : Json(nullptr); }

Json json_of_text(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// A GUID's name, where it has one we know.
std::string name_of(std::string_view guid_text) {
  const auto guid = abi::parse_guid(guid_text);
  return guid ? image::name_or_text(*guid) : std::string(guid_text);
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

// "exception 14", or what else happened.
std::string cause_text(std::string_view cause, std::optional<std::uint64_t> vector) {
  if (cause == "fault") {
    return std::format("exception {}", decimal(vector));
  }
  return cause == "entry_point"   ? "its entry point failed"
         : cause == "image"       ? "its image was refused"
         : cause == "not_started" ? "it never started"
                                  : std::string(cause);
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

std::string violation_text(const Event& event) {
  std::string text = event.name.text;
  for (const auto& [key, value] : event.values) {
    const std::string_view quote = value.find(' ') == std::string::npos ? "" : "\"";
    text += std::format(" {}={}{}{}", key, quote, value, quote);
  }
  return text;
}

// One line, since what closes a store and what becomes of it belong together.
std::string joined(const std::vector<std::string>& texts) {
  std::string result;
  for (const std::string& text : texts) {
    result += (result.empty() ? "" : "; ") + text;
  }
  return result;
}

// "before DXE", "after ..." or what else can be said about when MMRAM was locked.
std::string lock_order(const BootReport& report) {
  if (report.locked_in_pei) {
    return report.witness.locked ? (report.witness.locked_before_pci
                                        ? "before DXE (by the launcher, in PEI; QEMU saw it before PCI was enumerated)"
                                        : "CONTRADICTION: the launcher says in PEI, QEMU saw it after PCI enumeration")
                                 : "before DXE (by the launcher, in PEI; QEMU's trace doesn't show it)";
  }
  if (!report.witness.locked) {
    return "NOT LOCKED";
  }
  return report.witness.locked_before_pci ? "before PCI was enumerated (QEMU's trace)"
                                          : "in DXE, after PCI was enumerated (QEMU's trace)";
}

std::uint64_t open_bytes(const BootReport& report) {
  std::uint64_t total = 0;
  for (const OpenRange& range : report.ranges) {
    total += range.size;
  }
  return total;
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

// Of what counts as used: what is there for one driver alone and that it doesn't hold yet.
std::uint64_t kept_back_bytes(const BootReport& report) {
  std::uint64_t pages = 0;
  for (const Driver& driver : report.drivers) {
    pages += driver.kept_back;
  }
  return pages * page_bytes;
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

std::string options_text(const BootReport& report) {
  if (report.options_ignored) {
    return "IGNORED: words that this MM doesn't know";
  }
  const std::uint64_t options = *report.options;
  std::string text;
  if ((options & abi::launch_option::trace) != 0) {
    text += "trace ";
  }
  if ((options & abi::launch_option::repair_variables) != 0) {
    text += "VARIABLES ARE REPAIRED ";
  }
  if ((options & abi::launch_option::observe_always) != 0) {
    text += "log and profile OPEN TO THE OS ";
  }
  const std::uint64_t level = (options & abi::launch_option::log_level_mask) >> abi::launch_option::log_level_shift;
  if (abi::is_log_level(level)) {
    text += std::format("log={} ", abi::to_string(static_cast<abi::LogLevel>(level)));
  }
  text.resize(text.empty() ? 0 : text.size() - 1);
  return text.empty() ? "none" : text;
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

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::reached: return "reached";
    case Outcome::timeout: return "timeout";
    case Outcome::guest_failed: return "guest failed";
    case Outcome::reset_loop: return "it resets again and again";
    case Outcome::closed: return "MM closed itself";
    case Outcome::qemu_exited: return "QEMU exited";
    case Outcome::interrupted: return "interrupted";
  }
  return "unknown";
}

bool BootReport::failed() const {
  return !launch_failure.empty() || !dxe_failure.empty() ||
         std::ranges::any_of(stops, [](const MachineStop& stop) { return stop.action == "halted"; }) ||
         std::ranges::any_of(violations, [](const Violation& violation) { return violation.panic; });
}

const MachineStop* BootReport::closed() const {
  const auto stop = std::ranges::find_if(
      stops, [this](const MachineStop& other) { return other.action == "closed" && other.boot == launches; });
  return stop == stops.end() ? nullptr : &*stop;
}

void BootReport::apply(const Event& event) {
  if (event.name == "ipl.start") {
    BootReport fresh;
    fresh.image = std::move(image);
    fresh.machine = std::move(machine);
    fresh.goal = std::move(goal);
    fresh.launches = launches + 1;
    fresh.violation_count = violation_count;
    fresh.violations = std::move(violations);
    fresh.fruitless_boots = fruitless_boots + 1;
    fresh.resets = resets;
    fresh.stops = std::move(stops);
    fresh.witness = witness;
    fresh.keep_trace = keep_trace;
    fresh.trace = std::move(trace);
    fresh.trace_lost = trace_lost;
    *this = std::move(fresh);
    boot_mode = event.number("boot_mode");
    cpus = event.number("cpus");
    mmram_base = event.number("mmram");
    mmram_size = event.number("mmram_size");
  } else if (event.name == "ipl.locked") {
    locked_in_pei = !dxe_started;
    smramc = event.number("smramc");
    esmramc = event.number("esmramc");
    smi_en = event.number("smi_en");
  } else if (event.name == "ipl.failed") {
    launch_failure = text_of(event, "reason");
    if (launch_failure.empty()) {
      launch_failure = "no reason given";
    }
  } else if (event.name == "ipl.unanswered") {
    launch_failure =
        std::format("MM didn't take the message {} (status {})", text_of(event, "message"), text_of(event, "status"));
  } else if (event.name == "ipl.reset") {
    launch_reset = text_of(event, "reason");
  } else if (event.name == "supervisor.start") {
    supervisor_base = event.number("base");
    supervisor_size = event.number("size");
  } else if (event.name == "range") {
    add_bounded(ranges, OpenRange{.base = event.number("base").value_or(0),
                                  .size = event.number("size").value_or(0),
                                  .access = text_of(event, "access"),
                                  .purpose = text_of(event, "what")});
  } else if (event.name == "unblocked") {
    add_bounded(ranges, OpenRange{.base = event.number("base").value_or(0),
                                  .size = event.number("size").value_or(0),
                                  .access = "rw",
                                  .purpose = "unblocked"});
  } else if (event.name == "unblocked.by") {
    const std::uint64_t base = event.number("base").value_or(0);
    const std::string guid = text_of(event, "guid");
    if (event.number("status").value_or(0) != 0) {
      add_bounded(refused_unblocks, std::format("{:#x}, {} pages, for {} (status {})", base,
                                                event.number("pages").value_or(0), guid, text_of(event, "status")));
    } else if (const auto range = std::ranges::find_if(
                   ranges,
                   [base](const OpenRange& other) { return other.base == base && other.purpose == "unblocked"; });
               range != ranges.end()) {
      range->purpose = "unblocked for " + guid;
    }
  } else if (event.name == "foundation.start") {
    foundation_base = event.number("base");
    foundation_size = event.number("size");
    foundation_entry = event.number("entry");
    foundation_ring = event.number("cpl");
  } else if (event.name == "fault.record") {
    fault_record = FaultRecord{.name = text_of(event, "name"),
                               .guid = text_of(event, "guid"),
                               .cause = text_of(event, "cause"),
                               .phase = text_of(event, "phase"),
                               .action = text_of(event, "action"),
                               .handler = text_of(event, "handler"),
                               .vector = event.number("vector"),
                               .rip = event.number("rip"),
                               .address = event.number("address"),
                               .in_a_row = event.number("in_a_row")};
  } else if (event.name == "machine.reset" || event.name == "machine.halted" || event.name == "machine.closed") {
    resets += event.name == "machine.reset" ? 1 : 0;
    const std::string name = text_of(event, "name");
    add_bounded(stops, MachineStop{.boot = launches,
                                   .action = event.name.text.substr(event.name.text.find('.') + 1),
                                   .driver = name.empty() ? text_of(event, "guid") : name,
                                   .text = std::format("{} in phase {}; {}",
                                                       cause_text(text_of(event, "cause"), event.number("vector")),
                                                       text_of(event, "phase"), text_of(event, "reason"))});
  } else if (event.name == "driver" || event.name == "driver.waiting") {
    Driver driver;
    driver.guid = text_of(event, "guid");
    driver.name = text_of(event, "name");
    driver.entry = event.number("entry");
    driver.size = event.number("size");
    driver.number = event.number("number");
    driver.ring = event.number("cpl");
    driver.ticks = event.number("ticks");
    driver.policy = text_of(event, "policy");
    driver.depex = text_of(event, "depex");
    driver.reason = text_of(event, "reason");
    if (event.name == "driver") {
      driver.status = event.number("status").value_or(0);
    }
    // One that was reported as waiting, and now started or still waits.
    const auto known = std::ranges::find_if(
        drivers, [&](const Driver& other) { return other.waiting() && other.guid == driver.guid; });
    if (known != drivers.end()) {
      *known = std::move(driver);
    } else {
      add_bounded(drivers, std::move(driver));
    }
  } else if (event.name == "driver.missing") {
    const auto known = std::ranges::find(drivers, text_of(event, "guid"), &Driver::guid);
    if (known != drivers.end()) {
      add_bounded(known->missing, text_of(event, "protocol"));
    }
  } else if (event.name == "driver.exception") {
    add_bounded(alignment_exceptions, AlignmentException{.guid = text_of(event, "guid"),
                                                         .name = text_of(event, "name"),
                                                         .pages = event.number("pages").value_or(0)});
  } else if (event.name == "driver.usage" || event.name == "driver.quarantined") {
    apply_usage(event);
  } else if (event.name == "protocol") {
    add_bounded(protocols, Protocol{.guid = text_of(event, "guid"), .driver = text_of(event, "driver")});
  } else if (event.name == "unprotected") {
    unprotected_bytes += event.number("size").value_or(0);
  } else if (event.name == "driver.skipped") {
    const std::string guid = text_of(event, "guid");
    add_bounded(skipped_files, std::format("{}: {}", guid.empty() ? "volume" : guid, text_of(event, "reason")));
  } else if (event.name == "dxe.start") {
    dxe_started = true;
  } else if (event.name == "dxe.ready_to_lock") {
    mmram_seen_by_dxe = text_of(event, "mmram");
  } else if (event.name == "dxe.stopped") {
    dxe_failure = std::format("{}{}", text_of(event, "reason"), text_of(event, "phase"));
  } else if (event.name == "dxe.phase") {
    add_bounded(violations, Violation{.panic = false, .text = violation_text(event)});
  } else if (event.name == "dxe.failed") {
    dxe_failure = std::format("{} (status {})", text_of(event, "reason"), text_of(event, "status"));
  } else if (event.name == "launch.done") {
    launched = true;
    launch_ticks = event.number("ticks");
    mmram_used = event.number("mmram_used");
    mmram_free = event.number("mmram_free");
  } else if (event.name == "lifecycle") {
    lifecycle = text_of(event, "event");
    if (lifecycle == "ReadyToBoot") {
      fruitless_boots = 0;
    }
    mmis = event.number("mmis");
    faults = event.number("faults");
    mmram_used = event.number("mmram_used");
    mmram_free = event.number("mmram_free");
  } else if (event.name == "ipl.options") {
    options = event.number("options");
    options_ignored = event.text("words") == "ignored";
  } else if (event.name == "profile") {
    apply_profile(event);
  } else if (event.name == "log") {
    if (event.text("level") == abi::to_string(abi::LogLevel::error) &&
        text_of(event, "text").starts_with(abi::variable_store_words)) {
      add_bounded(variable_store, text_of(event, "text"));
    }
    if (log.size() < max_entries) {
      log.push_back({.number = event.number("n").value_or(0),
                     .level = text_of(event, "level"),
                     .driver = event.number("driver").value_or(0),
                     .ticks = event.number("ticks").value_or(0),
                     .text = text_of(event, "text")});
    } else {
      ++log_lost;
    }
  } else if (event.name == "log.lost") {
    const std::uint64_t lines = event.number("lines").value_or(0);
    log_lost += lines;
    if (const auto driver = std::ranges::find(drivers, event.number("driver"), &Driver::number);
        event.number("driver") && driver != drivers.end()) {
      driver->log_dropped += lines;
    }
  } else if (event.name == "fault" || event.name == "panic") {
    ++violation_count;
    add_bounded(violations, Violation{.panic = event.name == "panic", .text = violation_text(event)});
  } else if (event.name == "driver.disabled") {  // says more about the fault before it
    add_bounded(violations, Violation{.panic = false, .text = violation_text(event)});
  }
}

// What a driver holds now. Once it has stopped, that is out of use.
void BootReport::apply_usage(const Event& event) {
  const std::optional<std::uint64_t> number = event.number("driver");
  const auto driver = std::ranges::find_if(drivers, [&](const Driver& other) { return other.number == number; });
  if (!number || driver == drivers.end()) {
    return;
  }
  if (event.name == "driver.quarantined") {
    driver->quarantined = event.number("pages");
    return;
  }
  driver->usage.clear();
  for (const auto& [key, value] : event.values) {
    if (value.find('/') != std::string::npos) {
      driver->usage.emplace_back(key, value);
    }
  }
  driver->refused = event.number("refused").value_or(0);
  driver->kept_back = event.number("kept_back").value_or(0);
  if (const auto pages = event.text("pages"); pages && event.text("state") == "disabled") {
    std::uint64_t count = 0;
    if (std::from_chars(pages->data(), pages->data() + pages->size(), count).ec == std::errc{}) {
      driver->quarantined = count;
    }
  }
}

// A row's latest figures take the place of those before.
void BootReport::apply_profile(const Event& event) {
  HandlerProfile row{.handler = text_of(event, "handler"),
                     .driver = event.number("driver").value_or(0),
                     .function = event.number("function").value_or(0),
                     .calls = event.number("calls").value_or(0),
                     .total_ticks = event.number("total").value_or(0),
                     .least_ticks = event.number("least").value_or(0),
                     .most_ticks = event.number("most").value_or(0)};
  const auto known = std::ranges::find_if(profile, [&row](const HandlerProfile& other) {
    return other.handler == row.handler && other.driver == row.driver && other.function == row.function;
  });
  if (known != profile.end()) {
    *known = std::move(row);
  } else {
    add_bounded(profile, std::move(row));
  }
}

void BootReport::add_traced(const TracedMmi& mmi) {
  if (!keep_trace) {
    return;
  }
  if (trace.size() < max_traced) {
    trace.push_back(mmi);
  } else {
    ++trace_lost;
  }
}

std::string BootReport::driver_name(std::uint64_t number) const {
  if (number == 0) {
    return "foundation";
  }
  const auto driver = std::ranges::find_if(drivers, [number](const Driver& other) { return other.number == number; });
  return driver == drivers.end() || driver->name.empty() ? std::format("driver {}", number) : driver->name;
}

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

nlohmann::ordered_json to_json(const BootReport& report) {
  Json drivers = Json::array();
  for (const Driver& driver : report.drivers) {
    Json entry = {{"guid", driver.guid}, {"name", driver.name}, {"started", !driver.waiting()}};
    if (driver.waiting()) {
      entry["depex"] = driver.depex;
      entry["missing"] = driver.missing;
    } else {
      entry["number"] = json_of(driver.number);
      entry["ring"] = json_of(driver.ring);
      entry["entry"] = json_of_address(driver.entry);
      entry["size"] = json_of(driver.size);
      entry["entry_ticks"] = json_of(driver.ticks);
      entry["status"] = json_of_address(driver.status);
      if (!driver.reason.empty()) {
        entry["reason"] = driver.reason;
      }
      for (const auto& [what, share] : driver.usage) {
        entry["usage"][what] = share;
      }
      if (!driver.usage.empty()) {
        entry["refused"] = driver.refused;
        entry["kept_back_pages"] = driver.kept_back;
      }
      if (driver.log_dropped != 0) {
        entry["log_dropped"] = driver.log_dropped;
      }
      if (driver.quarantined) {
        entry["quarantined_pages"] = *driver.quarantined;
      }
    }
    entry["policy"] = json_of_text(driver.policy);
    drivers.push_back(std::move(entry));
  }
  Json ranges = Json::array();
  for (const OpenRange& range : report.ranges) {
    ranges.push_back({{"base", hexadecimal(range.base)},
                      {"size", range.size},
                      {"access", range.access},
                      {"purpose", range.purpose}});
  }
  Json protocols = Json::array();
  for (const Protocol& protocol : report.protocols) {
    protocols.push_back({{"guid", protocol.guid}, {"driver", json_of_text(protocol.driver)}});
  }
  Json exceptions = Json::array();
  for (const AlignmentException& exception : report.alignment_exceptions) {
    exceptions.push_back({{"guid", exception.guid}, {"name", exception.name}, {"pages", exception.pages}});
  }
  Json violations = Json::array();
  for (const Violation& violation : report.violations) {
    violations.push_back({{"kind", violation.panic ? "panic" : "fault"}, {"text", violation.text}});
  }
  Json record;
  if (report.fault_record) {
    const FaultRecord& last = *report.fault_record;
    record = {{"name", last.name},
              {"guid", last.guid},
              {"cause", last.cause},
              {"vector", json_of(last.vector)},
              {"rip", json_of_address(last.rip)},
              {"address", json_of_address(last.address)},
              {"handler", last.handler},
              {"phase", last.phase},
              {"action", last.action},
              {"in_a_row", json_of(last.in_a_row)}};
  }
  Json stops = Json::array();
  for (const MachineStop& stop : report.stops) {
    stops.push_back({{"boot", stop.boot}, {"action", stop.action}, {"driver", stop.driver}, {"text", stop.text}});
  }
  Json profile = Json::array();
  for (const HandlerProfile& row : report.profile) {
    profile.push_back({{"handler", row.handler},
                       {"name", name_of(row.handler)},
                       {"driver", row.driver},
                       {"driver_name", report.driver_name(row.driver)},
                       {"function", hexadecimal(row.function)},
                       {"calls", row.calls},
                       {"total_ticks", row.total_ticks},
                       {"least_ticks", row.least_ticks},
                       {"average_ticks", row.calls == 0 ? 0 : row.total_ticks / row.calls},
                       {"most_ticks", row.most_ticks}});
  }
  Json log = Json::array();
  for (const LogLine& line : report.log) {
    log.push_back({{"number", line.number},
                   {"level", line.level},
                   {"driver", line.driver},
                   {"driver_name", report.driver_name(line.driver)},
                   {"ticks", line.ticks},
                   {"text", line.text}});
  }
  Json trace = Json::array();
  for (const TracedMmi& mmi : report.trace) {
    trace.push_back(to_json(mmi));
  }
  const bool converted = report.converted();
  return {
      {"image", report.image},
      {"machine", report.machine},
      {"goal", report.goal},
      {"outcome", to_string(report.outcome)},
      {"seconds", report.seconds},
      {"launch",
       {{"point", converted ? Json("PEI") : Json(nullptr)},
        {"boots", report.launches},
        {"boot_mode", json_of(report.boot_mode)},
        {"cpus", json_of(report.cpus)},
        {"complete", report.launched},
        {"ticks", json_of(report.launch_ticks)},
        {"failure", json_of_text(report.launch_failure)},
        {"reset", json_of_text(report.launch_reset)},
        {"dxe_failure", json_of_text(report.dxe_failure)}}},
      {"mmram",
       {{"base", json_of_address(report.mmram_base)},
        {"size", json_of(report.mmram_size)},
        {"used", json_of(report.mmram_used)},
        {"kept_back", kept_back_bytes(report)},
        {"free", json_of(report.mmram_free)},
        {"locked", report.locked_in_pei || report.witness.locked},
        {"locked_before_dxe", report.locked_in_pei},
        {"locked_before_pci_enumeration", report.witness.locked && report.witness.locked_before_pci},
        {"order", lock_order(report)},
        {"seen_by_dxe", json_of_text(report.mmram_seen_by_dxe)},
        {"smramc", json_of_address(report.smramc)},
        {"esmramc", json_of_address(report.esmramc)},
        {"smi_en", json_of_address(report.smi_en)}}},
      {"supervisor", {{"base", json_of_address(report.supervisor_base)}, {"size", json_of(report.supervisor_size)}}},
      {"foundation",
       {{"base", json_of_address(report.foundation_base)},
        {"size", json_of(report.foundation_size)},
        {"entry", json_of_address(report.foundation_entry)},
        {"ring", json_of(report.foundation_ring)}}},
      {"drivers", converted ? std::move(drivers) : Json(nullptr)},
      {"skipped_files", report.skipped_files},
      {"protocols", converted ? std::move(protocols) : Json(nullptr)},
      {"unprotected_bytes", converted ? Json(report.unprotected_bytes) : Json(nullptr)},
      {"alignment_exceptions", converted ? std::move(exceptions) : Json(nullptr)},
      {"refused_unblocks", report.refused_unblocks},
      {"open_bytes", converted ? Json(open_bytes(report)) : Json(nullptr)},
      {"open_ranges", converted ? std::move(ranges) : Json(nullptr)},
      {"mmis",
       {{"requested", report.witness.mmi_requests},
        {"served", json_of(report.mmis)},
        {"lifecycle", json_of_text(report.lifecycle)}}},
      {"variable_store", report.variable_store},
      {"options", report.options ? Json(options_text(report)) : Json(nullptr)},
      {"profile", std::move(profile)},
      {"log", std::move(log)},
      {"log_lost", report.log_lost},
      {"trace", report.keep_trace ? std::move(trace) : Json(nullptr)},
      {"trace_lost", report.trace_lost},
      {"fault_record", std::move(record)},
      {"resets", report.resets},
      {"stops", std::move(stops)},
      {"violation_count", report.violation_count},
      {"violations", std::move(violations)},
  };
}

}  // namespace redoubt::tool::boot
