// SPDX-License-Identifier: BSD-2-Clause-Patent
// The report as programs read it.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "tool/boot/report.hpp"
#include "tool/boot/report_words.hpp"

namespace redoubt::tool::boot {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(std::optional<std::uint64_t> value) { return value ? Json(*value) : Json(nullptr); }

Json json_of_address(std::optional<std::uint64_t> value) { return value ? Json(hexadecimal(value)) : Json(nullptr); }

Json json_of_text(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// The objects of a list, in its order.
template <typename List, typename ToObject>
Json json_of_list(const List& list, const ToObject& to_object) {
  Json result = Json::array();
  for (const auto& entry : list) {
    result.push_back(to_object(entry));
  }
  return result;
}

void add_started(Json& entry, const Driver& driver) {
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

Json json_of_driver(const Driver& driver) {
  Json entry = {{"guid", driver.guid}, {"name", driver.name}, {"started", !driver.waiting()}};
  if (driver.waiting()) {
    entry["depex"] = driver.depex;
    entry["missing"] = driver.missing;
  } else {
    add_started(entry, driver);
  }
  entry["policy"] = json_of_text(driver.policy);
  return entry;
}

Json json_of_range(const OpenRange& range) {
  return {
      {"base", hexadecimal(range.base)}, {"size", range.size}, {"access", range.access}, {"purpose", range.purpose}};
}

Json json_of_protocol(const Protocol& protocol) {
  return {{"guid", protocol.guid}, {"driver", json_of_text(protocol.driver)}};
}

Json json_of_exception(const AlignmentException& exception) {
  return {{"guid", exception.guid}, {"name", exception.name}, {"pages", exception.pages}};
}

Json json_of_violation(const Violation& violation) {
  return {{"kind", violation.panic ? "panic" : "fault"}, {"text", violation.text}};
}

Json json_of_stop(const MachineStop& stop) {
  return {{"boot", stop.boot}, {"action", stop.action}, {"driver", stop.driver}, {"text", stop.text}};
}

Json json_of_record(const std::optional<FaultRecord>& record) {
  if (!record) {
    return nullptr;
  }
  return {{"name", record->name},
          {"guid", record->guid},
          {"cause", record->cause},
          {"vector", json_of(record->vector)},
          {"rip", json_of_address(record->rip)},
          {"address", json_of_address(record->address)},
          {"handler", record->handler},
          {"phase", record->phase},
          {"action", record->action},
          {"in_a_row", json_of(record->in_a_row)}};
}

Json json_of_handler(const HandlerProfile& row, const BootReport& report) {
  return {{"handler", row.handler},
          {"name", name_of(row.handler)},
          {"driver", row.driver},
          {"driver_name", report.driver_name(row.driver)},
          {"function", hexadecimal(row.function)},
          {"calls", row.calls},
          {"total_ticks", row.total_ticks},
          {"least_ticks", row.least_ticks},
          {"average_ticks", row.calls == 0 ? 0 : row.total_ticks / row.calls},
          {"most_ticks", row.most_ticks}};
}

Json json_of_line(const LogLine& line, const BootReport& report) {
  return {{"number", line.number}, {"level", line.level},
          {"driver", line.driver}, {"driver_name", report.driver_name(line.driver)},
          {"ticks", line.ticks},   {"text", line.text}};
}

Json json_of_launch(const BootReport& report) {
  return {{"point", report.converted() ? Json("PEI") : Json(nullptr)},
          {"boots", report.launches},
          {"boot_mode", json_of(report.boot_mode)},
          {"cpus", json_of(report.cpus)},
          {"complete", report.launched},
          {"ticks", json_of(report.launch_ticks)},
          {"failure", json_of_text(report.launch_failure)},
          {"reset", json_of_text(report.launch_reset)},
          {"dxe_failure", json_of_text(report.dxe_failure)}};
}

Json json_of_mmram(const BootReport& report) {
  return {{"base", json_of_address(report.mmram_base)},
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
          {"smi_en", json_of_address(report.smi_en)}};
}

// Where an image has no Redoubt, these values are null in JSON, not empty.
void add_domains(Json& json, const BootReport& report) {
  const bool converted = report.converted();
  json["supervisor"] = {{"base", json_of_address(report.supervisor_base)}, {"size", json_of(report.supervisor_size)}};
  json["foundation"] = {{"base", json_of_address(report.foundation_base)},
                        {"size", json_of(report.foundation_size)},
                        {"entry", json_of_address(report.foundation_entry)},
                        {"ring", json_of(report.foundation_ring)}};
  json["drivers"] = converted ? json_of_list(report.drivers, json_of_driver) : Json(nullptr);
  json["skipped_files"] = report.skipped_files;
  json["protocols"] = converted ? json_of_list(report.protocols, json_of_protocol) : Json(nullptr);
  json["unprotected_bytes"] = converted ? Json(report.unprotected_bytes) : Json(nullptr);
  json["alignment_exceptions"] =
      converted ? json_of_list(report.alignment_exceptions, json_of_exception) : Json(nullptr);
  json["refused_unblocks"] = report.refused_unblocks;
  json["open_bytes"] = converted ? Json(open_bytes(report)) : Json(nullptr);
  json["open_ranges"] = converted ? json_of_list(report.ranges, json_of_range) : Json(nullptr);
}

void add_observations(Json& json, const BootReport& report) {
  json["mmis"] = {{"requested", report.witness.mmi_requests},
                  {"served", json_of(report.mmis)},
                  {"lifecycle", json_of_text(report.lifecycle)}};
  json["variable_store"] = report.variable_store;
  json["options"] = report.options ? Json(options_text(report)) : Json(nullptr);
  json["profile"] =
      json_of_list(report.profile, [&report](const HandlerProfile& row) { return json_of_handler(row, report); });
  json["log"] = json_of_list(report.log, [&report](const LogLine& line) { return json_of_line(line, report); });
  json["log_lost"] = report.log_lost;
  json["trace"] =
      report.keep_trace ? json_of_list(report.trace, [](const TracedMmi& mmi) { return to_json(mmi); }) : Json(nullptr);
  json["trace_lost"] = report.trace_lost;
}

void add_failures(Json& json, const BootReport& report) {
  json["fault_record"] = json_of_record(report.fault_record);
  json["resets"] = report.resets;
  json["stops"] = json_of_list(report.stops, json_of_stop);
  json["violation_count"] = report.violation_count;
  json["violations"] = json_of_list(report.violations, json_of_violation);
}

}  // namespace

nlohmann::ordered_json to_json(const BootReport& report) {
  Json json = {{"image", report.image},         {"machine", report.machine},
               {"goal", report.goal},           {"outcome", to_string(report.outcome)},
               {"seconds", report.seconds},     {"launch", json_of_launch(report)},
               {"mmram", json_of_mmram(report)}};
  add_domains(json, report);
  add_observations(json, report);
  add_failures(json, report);
  return json;
}

}  // namespace redoubt::tool::boot
