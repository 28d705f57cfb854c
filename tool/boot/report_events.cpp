// SPDX-License-Identifier: BSD-2-Clause-Patent
// What each event of the guest's log (abi/redoubt/report.hpp) says for the report: a handler for each event's name.
// Names without one here are for others.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <format>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/redoubt/observation.hpp"
#include "tool/boot/report.hpp"
#include "tool/boot/report_words.hpp"

namespace redoubt::tool::boot {
namespace {

std::string text_of(const Event& event, abi::KeyName key) { return std::string(event.text(key).value_or("")); }

template <typename T>
void add_bounded(std::vector<T>& list, T entry) {
  if (list.size() < BootReport::max_entries) {
    list.push_back(std::move(entry));
  }
}

std::string violation_text(const Event& event) {
  std::string text = event.name.text;
  for (const auto& [key, value] : event.values) {
    const std::string_view quote = value.find(' ') == std::string::npos ? "" : "\"";
    text += std::format(" {}={}{}{}", key, quote, value, quote);
  }
  return text;
}

void start_boot(BootReport& report, const Event& event) {
  BootReport fresh;
  fresh.image = std::move(report.image);
  fresh.machine = std::move(report.machine);
  fresh.goal = std::move(report.goal);
  fresh.launches = report.launches + 1;
  fresh.violation_count = report.violation_count;
  fresh.violations = std::move(report.violations);
  fresh.fruitless_boots = report.fruitless_boots + 1;
  fresh.resets = report.resets;
  fresh.stops = std::move(report.stops);
  fresh.witness = report.witness;
  fresh.keep_trace = report.keep_trace;
  fresh.trace = std::move(report.trace);
  fresh.trace_lost = report.trace_lost;
  report = std::move(fresh);
  report.boot_mode = event.number("boot_mode");
  report.cpus = event.number("cpus");
  report.mmram_base = event.number("mmram");
  report.mmram_size = event.number("mmram_size");
}

void note_lock(BootReport& report, const Event& event) {
  report.locked_in_pei = !report.dxe_started;
  report.smramc = event.number("smramc");
  report.esmramc = event.number("esmramc");
  report.smi_en = event.number("smi_en");
}

void note_launch_failure(BootReport& report, const Event& event) {
  report.launch_failure = text_of(event, "reason");
  if (report.launch_failure.empty()) {
    report.launch_failure = "no reason given";
  }
}

void note_unanswered_message(BootReport& report, const Event& event) {
  report.launch_failure =
      std::format("MM didn't take the message {} (status {})", text_of(event, "message"), text_of(event, "status"));
}

void note_launch_reset(BootReport& report, const Event& event) { report.launch_reset = text_of(event, "reason"); }

void note_supervisor(BootReport& report, const Event& event) {
  report.supervisor_base = event.number("base");
  report.supervisor_size = event.number("size");
}

void add_range(BootReport& report, const Event& event) {
  add_bounded(report.ranges, OpenRange{.base = event.number("base").value_or(0),
                                       .size = event.number("size").value_or(0),
                                       .access = text_of(event, "access"),
                                       .purpose = text_of(event, "what")});
}

void add_unblocked_range(BootReport& report, const Event& event) {
  add_bounded(report.ranges, OpenRange{.base = event.number("base").value_or(0),
                                       .size = event.number("size").value_or(0),
                                       .access = "rw",
                                       .purpose = "unblocked"});
}

void add_request_to_unblock(BootReport& report, const Event& event) {
  const std::uint64_t base = event.number("base").value_or(0);
  const std::string guid = text_of(event, "guid");
  if (event.number("status").value_or(0) != 0) {
    add_bounded(report.refused_unblocks,
                std::format("{:#x}, {} pages, for {} (status {})", base, event.number("pages").value_or(0), guid,
                            text_of(event, "status")));
  } else if (const auto range = std::ranges::find_if(
                 report.ranges,
                 [base](const OpenRange& other) { return other.base == base && other.purpose == "unblocked"; });
             range != report.ranges.end()) {
    range->purpose = "unblocked for " + guid;
  }
}

void note_foundation(BootReport& report, const Event& event) {
  report.foundation_base = event.number("base");
  report.foundation_size = event.number("size");
  report.foundation_entry = event.number("entry");
  report.foundation_ring = event.number("cpl");
}

void note_fault_record(BootReport& report, const Event& event) {
  report.fault_record = FaultRecord{.name = text_of(event, "name"),
                                    .guid = text_of(event, "guid"),
                                    .cause = text_of(event, "cause"),
                                    .phase = text_of(event, "phase"),
                                    .action = text_of(event, "action"),
                                    .handler = text_of(event, "handler"),
                                    .vector = event.number("vector"),
                                    .rip = event.number("rip"),
                                    .address = event.number("address"),
                                    .in_a_row = event.number("in_a_row")};
}

void add_machine_stop(BootReport& report, const Event& event) {
  report.resets += event.name == "machine.reset" ? 1 : 0;
  const std::string name = text_of(event, "name");
  add_bounded(report.stops, MachineStop{.boot = report.launches,
                                        .action = event.name.text.substr(event.name.text.find('.') + 1),
                                        .driver = name.empty() ? text_of(event, "guid") : name,
                                        .text = std::format("{} in phase {}; {}",
                                                            cause_text(text_of(event, "cause"), event.number("vector")),
                                                            text_of(event, "phase"), text_of(event, "reason"))});
}

void add_driver(BootReport& report, const Event& event) {
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
      report.drivers, [&](const Driver& other) { return other.waiting() && other.guid == driver.guid; });
  if (known != report.drivers.end()) {
    *known = std::move(driver);
  } else {
    add_bounded(report.drivers, std::move(driver));
  }
}

void add_missing_protocol(BootReport& report, const Event& event) {
  const auto known = std::ranges::find(report.drivers, text_of(event, "guid"), &Driver::guid);
  if (known != report.drivers.end()) {
    add_bounded(known->missing, text_of(event, "protocol"));
  }
}

void add_alignment_exception(BootReport& report, const Event& event) {
  add_bounded(report.alignment_exceptions, AlignmentException{.guid = text_of(event, "guid"),
                                                              .name = text_of(event, "name"),
                                                              .pages = event.number("pages").value_or(0)});
}

void add_protocol(BootReport& report, const Event& event) {
  add_bounded(report.protocols, Protocol{.guid = text_of(event, "guid"), .driver = text_of(event, "driver")});
}

void add_unprotected_bytes(BootReport& report, const Event& event) {
  report.unprotected_bytes += event.number("size").value_or(0);
}

void add_skipped_file(BootReport& report, const Event& event) {
  const std::string guid = text_of(event, "guid");
  add_bounded(report.skipped_files, std::format("{}: {}", guid.empty() ? "volume" : guid, text_of(event, "reason")));
}

void note_dxe_start(BootReport& report, const Event& /*event*/) { report.dxe_started = true; }

void note_mmram_seen_by_dxe(BootReport& report, const Event& event) {
  report.mmram_seen_by_dxe = text_of(event, "mmram");
}

void note_dxe_stop(BootReport& report, const Event& event) {
  report.dxe_failure = std::format("{}{}", text_of(event, "reason"), text_of(event, "phase"));
}

// What went wrong without being a fault, or says more about the fault before it.
void add_other_violation(BootReport& report, const Event& event) {
  add_bounded(report.violations, Violation{.panic = false, .text = violation_text(event)});
}

void note_dxe_failure(BootReport& report, const Event& event) {
  report.dxe_failure = std::format("{} (status {})", text_of(event, "reason"), text_of(event, "status"));
}

void note_end_of_launch(BootReport& report, const Event& event) {
  report.launched = true;
  report.launch_ticks = event.number("ticks");
  report.mmram_used = event.number("mmram_used");
  report.mmram_free = event.number("mmram_free");
}

void note_lifecycle(BootReport& report, const Event& event) {
  report.lifecycle = text_of(event, "event");
  if (report.lifecycle == "ReadyToBoot") {
    report.fruitless_boots = 0;
  }
  report.mmis = event.number("mmis");
  report.faults = event.number("faults");
  report.mmram_used = event.number("mmram_used");
  report.mmram_free = event.number("mmram_free");
}

void note_options(BootReport& report, const Event& event) {
  report.options = event.number("options");
  report.options_ignored = event.text("words") == "ignored";
}

void add_log_line(BootReport& report, const Event& event) {
  if (event.text("level") == abi::to_string(abi::LogLevel::error) &&
      text_of(event, "text").starts_with(abi::variable_store_words)) {
    add_bounded(report.variable_store, text_of(event, "text"));
  }
  if (report.log.size() < BootReport::max_entries) {
    report.log.push_back({.number = event.number("n").value_or(0),
                          .level = text_of(event, "level"),
                          .driver = event.number("driver").value_or(0),
                          .ticks = event.number("ticks").value_or(0),
                          .text = text_of(event, "text")});
  } else {
    ++report.log_lost;
  }
}

void add_violation(BootReport& report, const Event& event) {
  ++report.violation_count;
  add_bounded(report.violations, Violation{.panic = event.name == "panic", .text = violation_text(event)});
}

// The one that the event gives the number of; null if there is none.
Driver* driver_of(BootReport& report, const Event& event) {
  const std::optional<std::uint64_t> number = event.number("driver");
  const auto driver = std::ranges::find(report.drivers, number, &Driver::number);
  return !number || driver == report.drivers.end() ? nullptr : &*driver;
}

void add_lost_lines(BootReport& report, const Event& event) {
  const std::uint64_t lines = event.number("lines").value_or(0);
  report.log_lost += lines;
  if (Driver* driver = driver_of(report, event); driver != nullptr) {
    driver->log_dropped += lines;
  }
}

void note_quarantine(BootReport& report, const Event& event) {
  if (Driver* driver = driver_of(report, event); driver != nullptr) {
    driver->quarantined = event.number("pages");
  }
}

// What a driver holds now. Once it has stopped, that is out of use.
void note_usage(BootReport& report, const Event& event) {
  Driver* driver = driver_of(report, event);
  if (driver == nullptr) {
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
void add_profile(BootReport& report, const Event& event) {
  HandlerProfile row{.handler = text_of(event, "handler"),
                     .driver = event.number("driver").value_or(0),
                     .function = event.number("function").value_or(0),
                     .calls = event.number("calls").value_or(0),
                     .total_ticks = event.number("total").value_or(0),
                     .least_ticks = event.number("least").value_or(0),
                     .most_ticks = event.number("most").value_or(0)};
  const auto known = std::ranges::find_if(report.profile, [&row](const HandlerProfile& other) {
    return other.handler == row.handler && other.driver == row.driver && other.function == row.function;
  });
  if (known != report.profile.end()) {
    *known = std::move(row);
  } else {
    add_bounded(report.profile, std::move(row));
  }
}

using Handler = void (*)(BootReport& report, const Event& event);

constexpr std::pair<abi::EventName, Handler> handlers[] = {
    {"ipl.start", start_boot},
    {"ipl.locked", note_lock},
    {"ipl.failed", note_launch_failure},
    {"ipl.unanswered", note_unanswered_message},
    {"ipl.reset", note_launch_reset},
    {"supervisor.start", note_supervisor},
    {"range", add_range},
    {"unblocked", add_unblocked_range},
    {"unblocked.by", add_request_to_unblock},
    {"foundation.start", note_foundation},
    {"fault.record", note_fault_record},
    {"machine.reset", add_machine_stop},
    {"machine.halted", add_machine_stop},
    {"machine.closed", add_machine_stop},
    {"driver", add_driver},
    {"driver.waiting", add_driver},
    {"driver.missing", add_missing_protocol},
    {"driver.exception", add_alignment_exception},
    {"driver.usage", note_usage},
    {"driver.quarantined", note_quarantine},
    {"protocol", add_protocol},
    {"unprotected", add_unprotected_bytes},
    {"driver.skipped", add_skipped_file},
    {"dxe.start", note_dxe_start},
    {"dxe.ready_to_lock", note_mmram_seen_by_dxe},
    {"dxe.stopped", note_dxe_stop},
    {"dxe.phase", add_other_violation},
    {"dxe.failed", note_dxe_failure},
    {"launch.done", note_end_of_launch},
    {"lifecycle", note_lifecycle},
    {"ipl.options", note_options},
    {"profile", add_profile},
    {"log", add_log_line},
    {"log.lost", add_lost_lines},
    {"fault", add_violation},
    {"panic", add_violation},
    {"driver.disabled", add_other_violation},
};

}  // namespace

void BootReport::apply(const Event& event) {
  const auto entry =
      std::ranges::find_if(handlers, [&event](const auto& handler) { return event.name == handler.first; });
  if (entry != std::ranges::end(handlers)) {
    entry->second(*this, event);
  }
}

}  // namespace redoubt::tool::boot
